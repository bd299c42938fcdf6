#include "loopline/diffusion/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/specs.h"
#include "loopline/core/error.h"

namespace loopline::diffusion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

io::ScheduleSpec schedule_of(io::ScheduleKind kind, std::int64_t train_steps) {
  io::ScheduleSpec schedule;
  schedule.kind = kind;
  schedule.train_steps = train_steps;
  return schedule;
}

TEST(CumulativeAlphas, MatchStableDiffusionsPublishedSchedule) {
  const auto alphas = cumulative_alphas(stable_diffusion_schedule());
  ASSERT_THAT(alphas, SizeIs(1000));
  EXPECT_NEAR(alphas[0], 0.99915, 1e-12);
  EXPECT_NEAR(alphas[501], 0.274999067, 1e-9);
  EXPECT_NEAR(alphas[999], 0.004660098513, 1e-12);
}

TEST(CumulativeAlphas, LinearAndExplicitBetasAreTheProductOfTheirAlphas) {
  io::ScheduleSpec schedule = schedule_of(io::ScheduleKind::kLinear, 3);
  schedule.beta_start = 0.1;
  schedule.beta_end = 0.5;
  EXPECT_NEAR(cumulative_alphas(schedule)[2], 0.9 * 0.7 * 0.5, 1e-15);
  schedule.kind = io::ScheduleKind::kBetas;
  schedule.betas = {0.5, 0.1, 0.2};
  EXPECT_NEAR(cumulative_alphas(schedule)[1], 0.5 * 0.9, 1e-15);
  EXPECT_NEAR(cumulative_alphas(schedule)[2], 0.5 * 0.9 * 0.8, 1e-15);
}

TEST(CumulativeAlphas, SquaredCosineFollowsItsCurveUntilBetaIsCapped) {
  const auto alphas = cumulative_alphas(schedule_of(io::ScheduleKind::kSquaredCosine, 1000));
  const auto curve = [](double t) {
    return std::pow(std::cos((t + 0.008) / 1.008 * std::acos(-1.0) / 2), 2);
  };
  // Uncapped betas telescope to the curve itself.
  for (const int i : {0, 499, 998}) {
    EXPECT_NEAR(alphas[i] / (curve((i + 1) / 1000.0) / curve(0)), 1, 1e-9) << i;
  }
  EXPECT_NEAR(alphas[999] / alphas[998], 0.001, 1e-12);
}

TEST(CumulativeAlphas, ZeroTerminalSnrEndsAtZeroAndKeepsTheStart) {
  io::ScheduleSpec schedule = stable_diffusion_schedule();
  const auto before = cumulative_alphas(schedule);
  schedule.rescale_zero_terminal_snr = true;
  const auto after = cumulative_alphas(schedule);
  EXPECT_EQ(after.back(), 0);
  EXPECT_NEAR(after.front(), before.front(), 1e-15);
  for (std::size_t i = 1; i < after.size(); ++i) ASSERT_LT(after[i], after[i - 1]);
}

TEST(CumulativeAlphas, RefuseBetasThatAreNoVariances) {
  io::ScheduleSpec schedule = schedule_of(io::ScheduleKind::kBetas, 2);
  schedule.betas = {0.1, 1};
  EXPECT_THAT(message_of([&] { cumulative_alphas(schedule); }), HasSubstr("timestep 1"));
  for (const double beta : {0.0, -0.1, 1.5, std::nan(""), 1e-30}) {
    schedule.betas = {0.1, beta};
    EXPECT_THROW(cumulative_alphas(schedule), Error) << beta;
  }
  schedule.betas = {0.1};
  EXPECT_THAT(message_of([&] { cumulative_alphas(schedule); }), HasSubstr("holds 1 numbers"));
  schedule.kind = io::ScheduleKind::kFlow;
  EXPECT_THAT(message_of([&] { cumulative_alphas(schedule); }), HasSubstr("flow has no betas"));
}

std::vector<std::int64_t> visited(std::int64_t train, std::int64_t steps,
                                  io::TimestepSpacing spacing, std::int64_t offset = 0) {
  io::TransitionSpec transition;
  transition.steps = steps;
  transition.spacing = spacing;
  transition.steps_offset = offset;
  return visited_timesteps(schedule_of(io::ScheduleKind::kLinear, train), transition);
}

TEST(VisitedTimesteps, AreThoseOfDiffusers) {
  EXPECT_THAT(visited(1000, 4, io::TimestepSpacing::kLeading, 1), ElementsAre(751, 501, 251, 1));
  EXPECT_THAT(visited(1000, 3, io::TimestepSpacing::kLeading), ElementsAre(666, 333, 0));
  EXPECT_THAT(visited(1000, 4, io::TimestepSpacing::kTrailing), ElementsAre(999, 749, 499, 249));
  EXPECT_THAT(visited(1000, 3, io::TimestepSpacing::kTrailing), ElementsAre(999, 666, 332));
  EXPECT_THAT(visited(1000, 4, io::TimestepSpacing::kLinspace), ElementsAre(999, 666, 333, 0));
  // 2.5 and 7.5 round to even.
  EXPECT_THAT(visited(11, 5, io::TimestepSpacing::kLinspace), ElementsAre(10, 8, 5, 2, 0));
  EXPECT_THAT(visited(8, 8, io::TimestepSpacing::kLinspace), ElementsAre(7, 6, 5, 4, 3, 2, 1, 0));
  EXPECT_THAT(visited(1000, 1, io::TimestepSpacing::kTrailing), ElementsAre(999));
}

TEST(VisitedTimesteps, RefuseWhatTheScheduleDoesNotHave) {
  EXPECT_THAT(message_of([] { visited(10, 11, io::TimestepSpacing::kLeading); }),
              HasSubstr("choose 1 to 10"));
  EXPECT_THROW(visited(10, 0, io::TimestepSpacing::kLeading), Error);
  EXPECT_THAT(message_of([] { visited(10, 10, io::TimestepSpacing::kLeading, 1); }),
              HasSubstr("timestep 10 outside the 10"));
}

}  // namespace
}  // namespace loopline::diffusion
