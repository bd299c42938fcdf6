#include "loopline/core/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "loopline/core/error.h"

namespace loopline {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::path(testing::TempDir()) /
                 (std::string("loopline_files_") +
                  testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
                  std::to_string(::getpid()));
    fs::remove_all(directory_);
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(directory_)) {
      all.push_back(entry.path().filename().string());
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  fs::path directory_;
};

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    return error.what();
  }
  return "no error";
}

void put(const fs::path& path, const std::string& bytes) { std::ofstream(path) << bytes; }

TEST_F(Files, WritesAndReadsBytes) {
  const std::string bytes("a\0b\r\n\xff", 6);
  write_file_atomically(directory_ / "x", bytes);
  EXPECT_EQ(read_file(directory_ / "x"), bytes);
  write_file_atomically(directory_ / "x", "");
  EXPECT_EQ(read_file(directory_ / "x"), "");
  EXPECT_THAT(names(), ElementsAre("x"));
}

TEST_F(Files, NewFileHasThePermissionsThatTheUmaskGives) {
  const mode_t before = ::umask(027);
  write_file_atomically(directory_ / "x", "1");
  write_directory_atomically(directory_ / "d", [](const fs::path&) {});
  ::umask(before);
  EXPECT_EQ(fs::status(directory_ / "x").permissions(), fs::perms(0640));
  EXPECT_EQ(fs::status(directory_ / "d").permissions(), fs::perms(0750));
}

TEST_F(Files, TargetKeepsItsOldContentUntilTheNewOneIsComplete) {
  put(directory_ / "x.png", "old");
  write_file_atomically(directory_ / "x.png", [&](const fs::path& temporary) {
    EXPECT_NE(temporary, directory_ / "x.png");
    EXPECT_EQ(temporary.parent_path(), directory_);
    EXPECT_EQ(temporary.extension(), ".png");
    EXPECT_TRUE(is_temporary(temporary));
    put(temporary, "new");
    EXPECT_EQ(read_file(directory_ / "x.png"), "old");
  });
  EXPECT_EQ(read_file(directory_ / "x.png"), "new");
  EXPECT_THAT(names(), ElementsAre("x.png"));
}

TEST_F(Files, FailedWriterLeavesTheOldFileAndNothingElse) {
  put(directory_ / "x", "old");
  EXPECT_THROW(write_file_atomically(directory_ / "x",
                                     [](const fs::path& temporary) {
                                       put(temporary, "half");
                                       throw failure("", "encoder failed");
                                     }),
               Error);
  EXPECT_EQ(read_file(directory_ / "x"), "old");
  EXPECT_THAT(names(), ElementsAre("x"));
}

TEST_F(Files, FullDiskLeavesTheOldFileAndSaysWhy) {
  put(directory_ / "x", "old");
  struct rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  struct rlimit small = before;
  small.rlim_cur = 1000;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message =
      failure_of([&] { write_file_atomically(directory_ / "x", std::string(5000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(message, (directory_ / "x").string() + ": cannot be written: File too large");
  EXPECT_EQ(read_file(directory_ / "x"), "old");
  EXPECT_THAT(names(), ElementsAre("x"));
}

TEST_F(Files, ErrorsNameTheTargetAndTheSystemsReason) {
  put(directory_ / "file", "");
  EXPECT_EQ(failure_of([&] { read_file(directory_ / "absent"); }),
            (directory_ / "absent").string() + ": cannot be read: No such file or directory");
  EXPECT_EQ(failure_of([&] { read_file(directory_); }),
            directory_.string() + ": cannot be read: Is a directory");
  EXPECT_EQ(failure_of([&] { write_file_atomically(directory_ / "absent" / "x", "1"); }),
            (directory_ / "absent/x").string() + ": cannot be written: No such file or directory");
  EXPECT_EQ(failure_of([&] { write_file_atomically(directory_ / "file" / "x", "1"); }),
            (directory_ / "file/x").string() + ": cannot be written: Not a directory");
  EXPECT_EQ(failure_of([&] { make_directories(directory_ / "file" / "a" / "b"); }),
            (directory_ / "file/a/b").string() + ": cannot be created: Not a directory");
  EXPECT_EQ(failure_of([&] { make_directories(directory_ / "file"); }),
            (directory_ / "file").string() + ": cannot be created: Not a directory");
}

TEST_F(Files, DirectoriesAndDevicesAreNotReplaced) {
  EXPECT_THAT(failure_of([&] { write_file_atomically(directory_, "1"); }),
              HasSubstr("is a directory"));
  ASSERT_EQ(::mkfifo((directory_ / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(failure_of([&] { write_file_atomically(directory_ / "pipe", "1"); }),
              HasSubstr("not a regular file"));
  EXPECT_TRUE(fs::is_fifo(directory_ / "pipe"));
}

TEST_F(Files, LinkIsFollowed) {
  fs::create_directories(directory_ / "elsewhere");
  put(directory_ / "elsewhere" / "x", "old");
  fs::create_symlink("elsewhere/x", directory_ / "link");
  write_file_atomically(directory_ / "link", "new");
  EXPECT_TRUE(fs::is_symlink(directory_ / "link"));
  EXPECT_EQ(read_file(directory_ / "elsewhere" / "x"), "new");
}

TEST_F(Files, TooLargeFileIsRefused) {
  put(directory_ / "x", "12345");
  EXPECT_EQ(read_file(directory_ / "x", 5), "12345");
  EXPECT_EQ(failure_of([&] { read_file(directory_ / "x", 4); }),
            (directory_ / "x").string() + ": is larger than 4 B");
}

TEST_F(Files, DirectoryAppearsCompleteOrNotAtAll) {
  const fs::path target = directory_ / "00000001";
  write_directory_atomically(target, [&](const fs::path& temporary) {
    EXPECT_TRUE(is_temporary(temporary));
    put(temporary / "a", "1");
    fs::create_directory(temporary / "sub");
    put(temporary / "sub" / "b", "2");
    EXPECT_FALSE(fs::exists(target));
  });
  EXPECT_EQ(read_file(target / "a"), "1");
  EXPECT_EQ(read_file(target / "sub" / "b"), "2");
  EXPECT_THROW(write_directory_atomically(directory_ / "00000002",
                                          [](const fs::path& temporary) {
                                            put(temporary / "a", "1");
                                            throw failure("", "full");
                                          }),
               Error);
  EXPECT_THAT(names(), ElementsAre("00000001"));
}

TEST_F(Files, ExistingDirectoryIsNotReplaced) {
  fs::create_directory(directory_ / "d");
  bool called = false;
  const auto fill = [&](const fs::path&) { called = true; };
  EXPECT_THAT(failure_of([&] { write_directory_atomically(directory_ / "d", fill); }),
              HasSubstr("already exists"));
  EXPECT_THAT(failure_of([&] { write_directory_atomically(directory_ / "d/", fill); }),
              HasSubstr("already exists"));
  EXPECT_FALSE(called);
}

TEST_F(Files, ReplacedDirectoryIsTheOldOneUntilTheNewOneIsComplete) {
  const fs::path target = directory_ / "d";
  replace_directory_atomically(target, [](const fs::path& t) { put(t / "a", "old"); });
  replace_directory_atomically(target, [&](const fs::path& temporary) {
    put(temporary / "b", "new");
    EXPECT_EQ(read_file(target / "a"), "old");
  });
  EXPECT_EQ(read_file(target / "b"), "new");
  EXPECT_FALSE(fs::exists(target / "a"));
  EXPECT_THROW(
      replace_directory_atomically(target, [](const fs::path&) { throw failure("", "full"); }),
      Error);
  EXPECT_EQ(read_file(target / "b"), "new");
  EXPECT_THAT(names(), ElementsAre("d"));
}

TEST_F(Files, TrailingSlashNamesTheDirectoryItself) {
  write_directory_atomically(directory_ / "d/", [](const fs::path& t) { put(t / "a", "1"); });
  EXPECT_EQ(read_file(directory_ / "d" / "a"), "1");
  make_directories(directory_ / "e/f/");
  EXPECT_TRUE(fs::is_directory(directory_ / "e" / "f"));
  make_directories(directory_ / "e/f");
  remove_atomically(directory_ / "d/");
  EXPECT_THAT(names(), ElementsAre("e"));
}

TEST_F(Files, RemovesWholeDirectories) {
  fs::create_directories(directory_ / "d" / "sub");
  put(directory_ / "d" / "sub" / "x", "1");
  remove_atomically(directory_ / "d");
  EXPECT_THAT(names(), IsEmpty());
  EXPECT_NO_THROW(remove_atomically(directory_ / "d"));
}

TEST_F(Files, RelativePathWithoutDirectoryIsWrittenHere) {
  const fs::path before = fs::current_path();
  fs::current_path(directory_);
  write_file_atomically("x", "1");
  write_directory_atomically("d", [](const fs::path&) {});
  fs::current_path(before);
  EXPECT_THAT(names(), ElementsAre("d", "x"));
}

TEST(IsTemporary, OrdinaryNamesAreNot) {
  EXPECT_FALSE(is_temporary("checkpoints/00000001"));
  EXPECT_FALSE(is_temporary(".hidden"));
}

// FIPS 180-2, appendix B.
TEST(Sha256, MatchesPublishedVectors) {
  EXPECT_EQ(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Files, Sha256OfALongFileIsThatOfItsBytes) {
  put(directory_ / "x", std::string(1'000'000, 'a'));
  EXPECT_EQ(sha256_file(directory_ / "x"),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  EXPECT_THAT(failure_of([&] { sha256_file(directory_ / "absent"); }),
              AllOf(HasSubstr("absent"), HasSubstr("No such file")));
}

TEST_F(Files, ErrorsInUnfinishedWorkUseTheNameThatItWasToHave) {
  const std::string message = failure_of([&] {
    write_directory_atomically(directory_ / "d", [](const fs::path& temporary) {
      write_file_atomically(temporary / "x.bin",
                            [](const fs::path& file) { FileWriter(file / "y").write("never"); });
    });
  });
  EXPECT_EQ(message, (directory_ / "d" / "x.bin" / "y").string() +
                         ": cannot be written: No such file or directory");
}

TEST_F(Files, ALongNameHasRoomForItsTemporary) {
  const std::string name = std::string(240, 'a') + ".safetensors";
  write_file_atomically(directory_ / name, "1");
  EXPECT_EQ(read_file(directory_ / name), "1");
}

TEST_F(Files, AppendingNeedsTheFileThatWasThere) {
  EXPECT_THAT(failure_of([&] { append_durably(directory_ / "log", "x"); }),
              HasSubstr("log: cannot be written: No such file"));
  put(directory_ / "log", "one\n");
  append_durably(directory_ / "log", "two\n");
  EXPECT_EQ(read_file(directory_ / "log"), "one\ntwo\n");
}

TEST_F(Files, OnlyUnfinishedWorkIsRemoved) {
  fs::create_directories(directory_ / ".unfinished-1-2-d" / "deep");
  put(directory_ / ".unfinished-1-3-f", "half");
  put(directory_ / ".lock", "");
  put(directory_ / "mine", "");
  remove_unfinished(directory_);
  EXPECT_THAT(names(), ElementsAre(".lock", "mine"));
  EXPECT_NO_THROW(remove_unfinished(directory_ / "absent"));
}

}  // namespace
}  // namespace loopline
