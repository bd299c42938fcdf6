#include "loopline/run/run_directory.h"

#include <gmock/gmock.h>

#include <functional>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "run/scratch_directory.h"

namespace loopline::run {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using RunDirectoryTest = ScratchDirectory;

const nlohmann::json kRun = {{"version", "0.1.0"}};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(RunDirectoryTest, CreatesTheParentsAndWritesConfigAndRun) {
  const fs::path path = directory_ / "runs" / "first";
  EXPECT_FALSE(RunDirectory::is_run(path));
  const RunDirectory run = RunDirectory::create(path, "seed: 1\n", kRun);
  EXPECT_EQ(read_file(path / "config.yaml"), "seed: 1\n");
  EXPECT_EQ(nlohmann::json::parse(read_file(path / "run.json")), kRun);
  EXPECT_TRUE(fs::is_directory(run.samples()));
  EXPECT_TRUE(fs::is_directory(run.checkpoints()));
  EXPECT_TRUE(RunDirectory::is_run(path));
  EXPECT_EQ(RunDirectory::open(path).metrics(), path / "metrics.jsonl");
}

TEST_F(RunDirectoryTest, EmptyDirectoryIsTaken) {
  RunDirectory::create(directory_, "a: 1\n", kRun);
  EXPECT_TRUE(RunDirectory::is_run(directory_));
}

TEST_F(RunDirectoryTest, DirectoryWithSomebodysFilesIsRefusedAndUntouched) {
  put(directory_ / "thesis.txt", "years of work");
  EXPECT_EQ(error_of([&] { RunDirectory::create(directory_, "a: 1\n", kRun); }),
            directory_.string() + ": is not empty; choose another directory with --run");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 1);
}

TEST_F(RunDirectoryTest, ExistingRunIsRefusedWithTheWayToGoOn) {
  RunDirectory::create(directory_, "a: 1\n", kRun);
  EXPECT_THAT(error_of([&] { RunDirectory::create(directory_, "a: 2\n", kRun); }),
              AllOf(HasSubstr("already holds a run"),
                    HasSubstr("`loopline resume " + directory_.string() + "`")));
  EXPECT_EQ(read_file(directory_ / "config.yaml"), "a: 1\n");
}

TEST_F(RunDirectoryTest, InterruptedCreationDoesNotBlock) {
  // Every state that a killed `create` can leave behind, in its order.
  for (int state = 0; state < 6; ++state) {
    const fs::path path = directory_ / std::to_string(state);
    fs::create_directory(path);
    if (state >= 1) put(path / ".lock", "process 123 on elsewhere\n");
    if (state >= 2) fs::create_directory(path / "samples");
    if (state >= 3) fs::create_directory(path / "checkpoints");
    if (state >= 4) put(path / "run.json", "{}");
    if (state >= 5) put(path / ".unfinished-123-0-config.yaml", "see");
    EXPECT_FALSE(RunDirectory::is_run(path));
    RunDirectory::create(path, "a: 1\n", kRun);
    EXPECT_TRUE(RunDirectory::is_run(path));
    EXPECT_EQ(nlohmann::json::parse(read_file(path / "run.json")), kRun);
    EXPECT_FALSE(fs::exists(path / ".unfinished-123-0-config.yaml"));
  }
}

TEST_F(RunDirectoryTest, CheckpointsOfARunWithoutConfigAreNotOverwritten) {
  fs::create_directories(directory_ / "checkpoints" / "00000001");
  EXPECT_THAT(error_of([&] { RunDirectory::create(directory_, "a: 1\n", kRun); }),
              HasSubstr("is not empty"));
}

TEST_F(RunDirectoryTest, PathThatCannotBeCreatedIsOneClearLine) {
  put(directory_ / "file", "");
  EXPECT_EQ(error_of([&] { RunDirectory::create(directory_ / "file", "a: 1\n", kRun); }),
            (directory_ / "file").string() +
                ": is a file, not a directory; choose another run directory");
  EXPECT_THAT(error_of([&] { RunDirectory::create(directory_ / "file" / "run", "a: 1\n", kRun); }),
              AllOf(StartsWith((directory_ / "file" / "run").string()),
                    HasSubstr("cannot be created: Not a directory"), Not(HasSubstr("\n"))));
  EXPECT_THAT(error_of([&] { RunDirectory::create("/proc/loopline/run", "a: 1\n", kRun); }),
              HasSubstr("/proc/loopline/run: cannot be created: No such file"));
}

TEST_F(RunDirectoryTest, CommandLineThatIsNotUtf8IsRecorded) {
  RunDirectory::create(directory_, "a: 1\n", {{"command", "train \xff.yaml"}});
  EXPECT_EQ(nlohmann::json::parse(read_file(directory_ / "run.json"))["command"],
            "train \xef\xbf\xbd.yaml");
}

TEST_F(RunDirectoryTest, OpeningSaysWhatIsMissing) {
  EXPECT_THAT(error_of([&] { RunDirectory::open(directory_ / "absent"); }),
              HasSubstr("no such run directory"));
  EXPECT_THAT(error_of([&] { RunDirectory::open(directory_); }), HasSubstr("no config.yaml"));
  put(directory_ / "config.yaml", "a: 1\n");
  EXPECT_THAT(error_of([&] { RunDirectory::open(directory_); }), HasSubstr("no run.json"));
}

}  // namespace
}  // namespace loopline::run
