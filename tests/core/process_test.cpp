#include "loopline/core/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "loopline/core/error.h"

namespace loopline {
namespace {

class ProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    log_ = std::filesystem::path(::testing::TempDir()) /
           (std::string("process_") + test->name() + "_" + std::to_string(::getpid()));
    std::filesystem::remove(log_);
  }
  void TearDown() override { std::filesystem::remove(log_); }

  Process shell(const std::string& script, const std::vector<std::string>& environment = {}) {
    return Process::start({"sh", "-c", script}, log_, environment);
  }
  static int end_of(Process& process) {
    while (!process.poll()) std::this_thread::yield();
    return *process.poll();
  }
  std::string logged() const {
    std::ifstream file(log_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::filesystem::path log_;
};

TEST_F(ProcessTest, TellsTheExitCodeAndLogsBothOutputs) {
  Process process = shell("echo out; echo err >&2; exit 7");
  EXPECT_EQ(end_of(process), 7);
  EXPECT_EQ(logged(), "out\nerr\n");
}

TEST_F(ProcessTest, AppendsToTheLog) {
  for (const char* text : {"one", "two"}) {
    Process process = shell(std::string("echo ") + text);
    end_of(process);
  }
  EXPECT_EQ(logged(), "one\ntwo\n");
}

TEST_F(ProcessTest, ReadsNothing) {
  Process process = shell("cat; echo done");
  end_of(process);
  EXPECT_EQ(logged(), "done\n");
}

TEST_F(ProcessTest, LaysTheEnvironmentOverItsOwn) {
  ::setenv("LOOPLINE_PROCESS_TEST", "before", 1);
  ::setenv("LOOPLINE_PROCESS_TEST_KEPT", "kept", 1);
  Process process = shell("echo $LOOPLINE_PROCESS_TEST $LOOPLINE_PROCESS_TEST_KEPT",
                          {"LOOPLINE_PROCESS_TEST=after"});
  end_of(process);
  EXPECT_EQ(logged(), "after kept\n");
}

TEST_F(ProcessTest, StopsWithSigterm) {
  Process process = shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  while (logged() != "ready\n") std::this_thread::yield();
  process.stop();
  EXPECT_EQ(end_of(process), 3);
  process.stop();  // after its end: nothing
}

TEST_F(ProcessTest, TellsTheSignalThatEndedIt) {
  Process process = shell("kill -KILL $$");
  EXPECT_EQ(end_of(process), 128 + SIGKILL);
}

TEST_F(ProcessTest, KillsWhatStillRunsWhenItGoes) {
  std::string id;
  {
    Process process = shell("echo $$; exec sleep 1000");
    while ((id = logged()).empty()) std::this_thread::yield();
  }
  EXPECT_NE(::kill(std::stoi(id), 0), 0);
}

TEST_F(ProcessTest, AProgramThatIsNotThereEndsWith127) {
  Process process = Process::start({"loopline-no-such-program"}, log_);
  EXPECT_EQ(end_of(process), 127);
}

TEST(RunProgramTest, GivesWhatIsPrinted) { EXPECT_EQ(run_program({"cat"}, "a\nb"), "a\nb"); }

TEST(RunProgramTest, PassesMoreThanAPipeHolds) {
  const std::string text(3'000'000, 'x');
  EXPECT_EQ(run_program({"cat"}, text), text);
}

TEST(RunProgramTest, SurvivesAProgramThatDoesNotRead) {
  EXPECT_EQ(run_program({"sh", "-c", "exec 0<&-; echo hi"}, std::string(3'000'000, 'x')), "hi\n");
}

TEST(RunProgramTest, AFailureSaysWhatTheProgramSaidLast) {
  try {
    run_program({"sh", "-c", "echo first >&2; echo 'line 3: bad' >&2; exit 4"}, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("exit code 4: line 3: bad"));
  }
}

TEST(RunProgramTest, AnAbsentProgramIsAnError) {
  EXPECT_FALSE(has_program("loopline-no-such-program"));
  EXPECT_TRUE(has_program("sh"));
  EXPECT_THROW(run_program({"loopline-no-such-program"}, ""), Error);
}

}  // namespace
}  // namespace loopline
