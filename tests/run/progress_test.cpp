#include "loopline/run/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loopline/core/log.h"

namespace loopline::run {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A terminal whose clock and width the test sets.
class ProgressTest : public testing::Test {
 protected:
  ProgressOutput output() {
    return {[this](std::string_view text) { written_ += text; }, [this] { return now_; },
            [this] { return columns_; }};
  }

  std::string take() { return std::exchange(written_, ""); }

  std::string written_;
  double now_ = 1000;
  int columns_ = 100;
};

const std::string kClear = "\r\x1b[K";

TEST_F(ProgressTest, BarShowsPercentageCountSummaryAndTimes) {
  const auto bar = bar_progress(output());
  bar->start("training", 8);
  EXPECT_EQ(take(), kClear + "training   0% [>                             ] 0/8  0 s");
  now_ += 60;
  bar->update(2, "reward 0.612");
  EXPECT_EQ(take(), kClear +
                        "training  25% [=======>                      ] 2/8  reward 0.612  "
                        "1 min 00 s, 3 min 00 s left");
  now_ += 180;
  bar->update(8, "reward 0.7");
  EXPECT_EQ(take(),
            kClear + "training 100% [==============================] 8/8  reward 0.7  4 min 00 s");
  bar->finish();
  EXPECT_THAT(take(), testing::EndsWith("4 min 00 s\n"));
}

TEST_F(ProgressTest, BarMovesWithinAUnit) {
  const auto bar = bar_progress(output());
  bar->start("training", 10);
  now_ += 30;
  bar->update(1, "reward 0.5");
  now_ += 15;
  take();
  bar->within(0.5, "sampling");
  EXPECT_EQ(take(), kClear +
                        "training  15% [====>                         ] 1/10  reward 0.5  "
                        "45 s, 4 min 15 s left  sampling");
  now_ += 1;
  bar->update(2, "reward 0.6");
  EXPECT_THAT(take(), Not(HasSubstr("sampling")));
}

TEST_F(ProgressTest, TimeLeftOfAResumedStageCountsItsOwnUnitsOnly) {
  const auto bar = bar_progress(output());
  bar->start("training", 100, 50);
  EXPECT_THAT(take(),
              testing::AllOf(HasSubstr(" 50% "), HasSubstr("50/100  0 s"), Not(HasSubstr("left"))));
  now_ += 10;
  bar->update(51, "");
  EXPECT_THAT(take(), HasSubstr("51/100  10 s, 8 min 10 s left"));
}

TEST_F(ProgressTest, BarIsRedrawnAtMostTenTimesASecond) {
  const auto bar = bar_progress(output());
  bar->start("training", 1000);
  int redraws = 0;
  for (int i = 1; i <= 500; ++i) {
    now_ += 0.002;  // one second in all
    take();
    bar->within(0.5, "sampling");
    bar->update(i, "");
    redraws += take().empty() ? 0 : 1;
  }
  EXPECT_LE(redraws, 10);
  EXPECT_GE(redraws, 8);
}

TEST_F(ProgressTest, LastUpdateIsDrawnHoweverSoonItComes) {
  const auto bar = bar_progress(output());
  bar->start("evaluating", 2);
  bar->update(1, "");
  take();
  bar->update(2, "");
  EXPECT_THAT(take(), HasSubstr("100%"));
}

TEST_F(ProgressTest, BarNeverReachesTheLastColumn) {
  const auto bar = bar_progress(output());
  bar->start("training", 100);
  for (columns_ = 1; columns_ <= 140; ++columns_) {
    now_ += 1;
    take();
    bar->update(42, "reward 0.612, \xc3\xa4\xe2\x82\xac 12.3 images/s");
    const std::string line = take().substr(kClear.size());
    std::size_t characters = 0;
    for (const char c : line) {
      characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    }
    EXPECT_LE(characters, static_cast<std::size_t>(std::max(1, columns_ - 1)));
    if (columns_ <= 60) {  // no room for bar and words: the words are cut
      EXPECT_EQ(characters, static_cast<std::size_t>(std::max(1, columns_ - 1)));
      EXPECT_THAT(line, Not(HasSubstr("[")));
    }
  }
}

TEST_F(ProgressTest, NotesAndLogLinesGoAboveTheBar) {
  {
    const auto bar = bar_progress(output());
    bar->start("training", 4);
    const std::string drawn = take();
    bar->note("samples/00000001.png");
    EXPECT_EQ(take(), kClear + "samples/00000001.png\n" + drawn);
    log_warning("disk is nearly full");
    EXPECT_EQ(take(), kClear + "warning: disk is nearly full\n" + drawn);
    bar->finish();
    take();
    bar->note("done");
    EXPECT_EQ(take(), "done\n");
  }
  testing::internal::CaptureStderr();
  log_warning("later");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "warning: later\n");
  EXPECT_EQ(take(), "");
}

TEST_F(ProgressTest, StageThatIsAbandonedEndsItsLine) {
  auto bar = bar_progress(output());
  bar->start("training", 4);
  bar->update(1, "");
  bar.reset();
  EXPECT_THAT(take(), testing::EndsWith("\n"));
}

TEST_F(ProgressTest, StageThatIsFinishedTwiceEndsOnce) {
  const auto bar = bar_progress(output());
  bar->start("training", 1);
  bar->finish();
  take();
  bar->finish();
  EXPECT_EQ(take(), "");
  bar->start("evaluating", 2);
  bar->start("sampling", 2);  // ends the line of the stage before
  EXPECT_THAT(take(), HasSubstr("0/2  0 s\n" + kClear + "sampling"));
}

TEST_F(ProgressTest, PlainLinesShowTheFirstAndTheLastAndOneEveryFewSeconds) {
  const auto lines = line_progress(output());
  lines->start("training", 100);
  EXPECT_EQ(take(), "");
  now_ += 2;
  lines->update(1, "reward 0.5");
  EXPECT_EQ(take(), "training 1/100  reward 0.5  2 s, 3 min 18 s left\n");
  now_ += 2;
  lines->within(0.5, "sampling");
  lines->update(2, "reward 0.6");
  EXPECT_EQ(take(), "");
  now_ += 4;
  lines->update(3, "reward 0.7");
  EXPECT_EQ(take(), "training 3/100  reward 0.7  8 s, 4 min 19 s left\n");
  now_ += 1;
  lines->update(100, "reward 0.9");
  EXPECT_EQ(take(), "training 100/100  reward 0.9  9 s\n");
  lines->finish();
  EXPECT_EQ(take(), "");
}

TEST_F(ProgressTest, InterruptedPlainStageShowsItsLastUpdate) {
  auto lines = line_progress(output());
  lines->start("training", 100);
  lines->update(1, "a");
  take();
  lines->update(2, "b");
  EXPECT_EQ(take(), "");
  lines.reset();
  EXPECT_THAT(take(), testing::StartsWith("training 2/100  b  "));
}

TEST_F(ProgressTest, PlainLinesHoldNoControlCharacters) {
  const auto lines = line_progress(output());
  lines->start("training", 3);
  lines->update(1, "a");
  lines->note("note");
  lines->update(3, "b");
  lines->finish();
  EXPECT_THAT(written_, testing::AllOf(Not(HasSubstr("\r")), Not(HasSubstr("\x1b"))));
  EXPECT_THAT(written_, HasSubstr("\nnote\n"));
}

TEST_F(ProgressTest, StageWithoutUnitsIsNoDivisionByZero) {
  const auto bar = bar_progress(output());
  bar->start("training", 0);
  bar->within(0.5, "");
  bar->finish();
  EXPECT_THAT(take(), HasSubstr("  0% "));
}

TEST(TerminalProgress, WritesPlainLinesToStandardErrorWhenItIsNoTerminal) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto progress = terminal_progress();
  progress->start("training", 1);
  progress->update(1, "reward 0.5");
  progress->finish();
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::StartsWith("training 1/1  reward 0.5"));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

TEST(SilentProgress, SaysNothing) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto progress = silent_progress();
  progress->start("training", 1);
  progress->note("x");
  progress->update(1, "y");
  progress->finish();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
}

}  // namespace
}  // namespace loopline::run
