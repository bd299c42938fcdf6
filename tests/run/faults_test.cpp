// Every call that changes the disk fails once: what was there before stays, and the error is one
// line that names a file by the name that it was to have.

#include <gmock/gmock.h>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/run/run_directory.h"
#include "run/scratch_directory.h"
#include "support/faulty_file_system.h"

namespace loopline::run {
namespace {

namespace fs = std::filesystem;
using loopline::testing::FaultyFileSystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Fault = FaultyFileSystem::Fault;

struct Kind {
  int reason;
  Fault fault;
  bool forever;
};
constexpr Kind kKinds[] = {{ENOSPC, Fault::kFail, false},
                           {ENOSPC, Fault::kFail, true},
                           {ENOSPC, Fault::kShortWrite, false},
                           {EIO, Fault::kFail, false},
                           {EROFS, Fault::kFail, true}};

class FaultsTest : public ScratchDirectory {
 protected:
  /// Runs `action` with its first, second, ... call failing, until it passes all of them. Returns
  /// how many calls there are; after each failure `check` looks at what is left.
  std::int64_t at_every_call(const std::function<void()>& action,
                             const std::function<void(const std::string& error)>& check) {
    std::int64_t calls = 0;
    for (const Kind& kind : kKinds) {
      for (std::int64_t call = 1;; ++call) {
        FaultyFileSystem faulty(call, kind.reason, kind.fault, kind.forever);
        std::string message;
        {
          const FileSystemScope scope(faulty);
          try {
            action();
          } catch (const Error& error) {
            EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
            message = error.what();
          }
        }
        if (faulty.calls() < call) {
          EXPECT_EQ(message, "");
          calls = call - 1;
          break;
        }
        if (message.empty()) continue;  // a fallback succeeded
        EXPECT_THAT(message,
                    AllOf(HasSubstr(directory_.string()), HasSubstr(std::strerror(kind.reason)),
                          Not(HasSubstr(".unfinished")), Not(HasSubstr("\n"))));
        check(message);
      }
    }
    return calls;
  }

  static void fill(const fs::path& directory) {
    for (const char* name : {"a.safetensors", "b.safetensors"}) {
      FileWriter file(directory / name);
      file.write("some bytes");
      file.write("more bytes");
      file.close();
    }
  }

  static void no_warning(const std::string& line) { ADD_FAILURE() << line; }
};

TEST_F(FaultsTest, AFailedCheckpointLeavesTheOneBeforeAndNoTrace) {
  write_checkpoint(directory_, 1, {{"n", 1}}, fill);
  const std::int64_t calls = at_every_call(
      [&] {
        write_checkpoint(directory_, 2, {{"n", 2}}, fill);
        fs::remove_all(directory_ / "00000002");
      },
      [&](const std::string&) {
        const auto latest = latest_checkpoint(directory_, no_warning);
        ASSERT_TRUE(latest);
        // Once renamed into place it is complete, even if the directory could not be synced.
        EXPECT_EQ(latest->state["n"], latest->iteration);
        fs::remove_all(directory_ / "00000002");
        EXPECT_EQ(latest_checkpoint(directory_, no_warning)->iteration, 1);
        EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 1);
      });
  EXPECT_GE(calls, 20);
}

TEST_F(FaultsTest, AFailedReplacementOfACheckpointLeavesTheOldOrTheNewOne) {
  write_checkpoint(directory_, 1, {{"n", 1}}, fill);
  at_every_call(
      [&] {
        write_checkpoint(directory_, 1, {{"n", 2}}, fill);
      },
      [&](const std::string&) {
        const auto latest = latest_checkpoint(directory_, no_warning);
        ASSERT_TRUE(latest);
        EXPECT_TRUE(latest->state["n"] == 1 || latest->state["n"] == 2);
      });
}

TEST_F(FaultsTest, AFailedAppendLeavesTheLogAsItWas) {
  const fs::path path = directory_ / "metrics.jsonl";
  MetricsLog log(path);
  log.append({{"iteration", 1}});
  const std::string before = read_file(path);
  const std::int64_t calls = at_every_call(
      [&] {
        log.append_all({{{"iteration", 2}}, {{"iteration", 3}}});
        MetricsLog::cut_back(path, 1);
      },
      [&](const std::string&) {
        if (MetricsLog::read(path).size() == 3)
          MetricsLog::cut_back(path, 1);  // cutting back failed
        EXPECT_EQ(read_file(path), before);
      });
  EXPECT_GE(calls, 6);
}

TEST_F(FaultsTest, AFailedCreationCanBeTriedAgain) {
  const fs::path path = directory_ / "run";
  const auto weights = [](const fs::path& file) { write_file_atomically(file, "weights"); };
  at_every_call(
      [&] {
        RunDirectory::create(path, "a: 1\n", {{"command", "train"}}, weights);
        fs::remove_all(path);
      },
      [&](const std::string&) {
        if (RunDirectory::is_run(path)) fs::remove_all(path);  // complete, but not known to last
        FaultyFileSystem sound;
        const FileSystemScope scope(sound);
        EXPECT_NO_THROW(RunDirectory::create(path, "a: 1\n", {{"command", "train"}}, weights));
        fs::remove_all(path);
      });
}

}  // namespace
}  // namespace loopline::run
