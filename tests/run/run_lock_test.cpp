#include "loopline/run/run_lock.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <optional>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/run/run_directory.h"
#include "run/scratch_directory.h"

namespace loopline::run {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    return error.what();
  }
  return "not refused";
}

class RunLockTest : public ScratchDirectory {};

TEST_F(RunLockTest, TheSecondOneIsRefusedAndToldByWhom) {
  std::optional<RunLock> first(directory_);
  EXPECT_THAT(refusal([&] { RunLock second(directory_); }),
              AllOf(HasSubstr(directory_.string() + ": is in use by process " +
                              std::to_string(::getpid()) + " on "),
                    HasSubstr("stop it")));
  first.reset();
  EXPECT_EQ(refusal([&] { RunLock second(directory_); }), "not refused");
}

TEST_F(RunLockTest, ALongerNameOfAnEarlierOwnerLeavesNothingBehind) {
  put(directory_ / ".lock", std::string(300, 'x') + "\n");
  const RunLock lock(directory_);
  EXPECT_EQ(read_file(directory_ / ".lock").rfind("process ", 0), 0U);
  EXPECT_EQ(read_file(directory_ / ".lock").find('x', 60), std::string::npos);
}

TEST_F(RunLockTest, AKilledOwnerHoldsNothing) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const RunLock lock(directory_);
    char byte = 'x';
    if (::write(ready[1], &byte, 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_THAT(refusal([&] { RunLock second(directory_); }),
              HasSubstr("process " + std::to_string(owner)));
  ::kill(owner, SIGKILL);
  ASSERT_EQ(::waitpid(owner, nullptr, 0), owner);
  EXPECT_EQ(refusal([&] { RunLock second(directory_); }), "not refused");
}

TEST_F(RunLockTest, ADirectoryThatWentAwayIsNoticed) {
  const fs::path run = directory_ / "run";
  for (const bool replaced : {false, true}) {
    fs::create_directory(run);
    const RunLock lock(run);
    EXPECT_NO_THROW(lock.check());
    fs::remove_all(run);
    if (replaced) {
      fs::create_directory(run);
      put(run / ".lock", "");
    }
    EXPECT_THAT(refusal([&] { lock.check(); }), HasSubstr(run.string() + ": was removed, moved"));
    fs::remove_all(run);
  }
}

TEST_F(RunLockTest, ARunIsCreatedUnderItsLockAndReadWithoutIt) {
  const RunDirectory run = RunDirectory::create(directory_, "a: 1\n", {{"command", "train"}});
  EXPECT_NO_THROW(run.held_lock().check());
  RunDirectory reader = RunDirectory::open(directory_);
  EXPECT_THROW(static_cast<void>(reader.held_lock()), std::logic_error);
  EXPECT_THAT(refusal([&] { reader.lock(); }), HasSubstr("is in use by process"));
}

TEST_F(RunLockTest, ARefusedDirectoryKeepsNoTraceOfALock) {
  put(directory_ / "notes.txt", "mine");
  EXPECT_THROW(RunDirectory::create(directory_, "a: 1\n", nullptr), Error);
  EXPECT_FALSE(fs::exists(directory_ / ".lock"));
}

}  // namespace
}  // namespace loopline::run
