#include "loopline/core/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace loopline {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class LogTest : public testing::Test {
 protected:
  void TearDown() override {
    set_log_writer({});
    set_log_level(LogLevel::kInfo);
  }
};

TEST_F(LogTest, WritesToStandardErrorWithTheLevelInFront) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  log_warning("low {disk} %s");
  log_info("ready");
  log_debug("not shown by default");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: low {disk} %s\ninfo: ready\n");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST_F(LogTest, LevelDropsWhatIsBelow) {
  std::vector<std::string> lines;
  set_log_writer([&](const std::string& line) { lines.push_back(line); });
  set_log_level(LogLevel::kError);
  log_warning("a");
  log_error("b");
  set_log_level(LogLevel::kDebug);
  log_debug("c");
  set_log_level(LogLevel::kOff);
  log_error("d");
  EXPECT_THAT(lines, ElementsAre("error: b", "debug: c"));
}

TEST_F(LogTest, WriterTakesTheLinesUntilItIsRemoved) {
  std::vector<std::string> lines;
  testing::internal::CaptureStderr();
  set_log_writer([&](const std::string& line) { lines.push_back(line); });
  log_warning("to the writer");
  set_log_writer({});
  log_warning("to the stream");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: to the stream\n");
  EXPECT_THAT(lines, ElementsAre("warning: to the writer"));
}

}  // namespace
}  // namespace loopline
