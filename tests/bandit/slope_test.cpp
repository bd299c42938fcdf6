#include "loopline/bandit/slope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bandit/worlds.h"
#include "loopline/bandit/intervals.h"
#include "loopline/core/error.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

SlopeResult slope_over(const SlopeOptions& options, const WeightedRows& rows,
                       std::size_t block = 1000) {
  Slope slope(options);
  for (const WeightedRows& part : blocks_of(rows, block)) {
    Slope alone(options);
    alone.add(part);
    slope.merge(alone);
  }
  return slope.finish();
}

const std::vector<double> kGrid = {.25, 1000, 1, 16, 4, 64};

// The rule by itself: the last index up to which all pairs of intervals meet.
std::size_t brute_choice(const SlopeResult& result) {
  std::size_t chosen = 0;
  for (std::size_t k = 0; k < result.steps.size(); ++k) {
    bool all_meet = true;
    for (std::size_t i = 0; i <= k; ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const SlopeStep& a = result.steps[i];
        const SlopeStep& b = result.steps[j];
        all_meet &= std::abs(a.estimate.value - b.estimate.value) <= 2 * (a.width + b.width);
      }
    }
    if (all_meet) chosen = k;
  }
  return chosen;
}

TEST(Slope, GoesOnWhileAllIntervalsMeet) {
  const ParetoWorld world{.shape = 1.3};
  for (const std::size_t rows : {100, 1000, 20000}) {
    const SlopeResult result = slope_over({.grid = kGrid}, world.draw(1, rows));
    ASSERT_EQ(result.steps.size(), kGrid.size());
    for (std::size_t k = 1; k < kGrid.size(); ++k) {
      EXPECT_LT(result.steps[k].parameter, result.steps[k - 1].parameter);
      EXPECT_GE(result.steps[k].clipped_share, result.steps[k - 1].clipped_share);
    }
    EXPECT_EQ(result.chosen, brute_choice(result)) << rows;
  }
}

TEST(Slope, WidthsHoldTogether) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 3}.draw(1, 500);
  const SlopeResult result = slope_over({.grid = {1, 2}, .level = .9}, rows);
  const SlopeStep& step = result.steps[0];
  EXPECT_EQ(step.parameter, 2);
  const stats::Interval interval = closed_interval(step.estimate, IntervalKind::kStudentT, .95);
  EXPECT_DOUBLE_EQ(step.width, interval.high - step.estimate.value);
  EXPECT_DOUBLE_EQ(step.low, step.estimate.value - 2 * step.width);
}

TEST(Slope, MoreRowsLeaveLessBias) {
  const ParetoWorld world{.shape = 1.3};
  const double few = slope_over({.grid = kGrid}, world.draw(2, 200)).chosen;
  const SlopeResult many = slope_over({.grid = kGrid}, world.draw(2, 200000), 65536);
  EXPECT_LT(many.chosen, few);
}

// Theorem 1 of the paper: the error is at most 6 (bias + width) of the best parameter.
TEST(Slope, KeepsTheOracleInequality) {
  const ParetoWorld world{.shape = 1.3};
  int kept = 0;
  for (std::uint32_t run = 0; run < 100; ++run) {
    const SlopeResult result = slope_over({.grid = kGrid}, world.draw(run, 2000));
    double best = 1e9;
    for (const SlopeStep& step : result.steps) {
      // E[(w - M)+ r] of a Pareto tail above 1, and all that a lower M leaves.
      const double m = std::max(step.parameter, 1.0);
      double bias = .6 * std::pow(world.scale() / m, world.shape) * m / (world.shape - 1);
      if (step.parameter < 1) bias = world.truth();
      best = std::min(best, bias + step.width);
    }
    const double error = result.steps[result.chosen].estimate.value - world.truth();
    kept += std::abs(error) <= 6 * best;
  }
  EXPECT_GE(kept, 95);
}

/// One row in 10,000 has the weight 500, a twentieth of all; three logs in a hundred see one.
WeightedRows rare_weights(std::uint32_t run, std::size_t count) {
  std::vector<double> uniform(2 * count);
  fill_uniform({.seed = 23, .stream = Stream::kSample, .iteration = run}, uniform);
  WeightedRows rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows.weight.push_back(uniform[2 * i] < 1e-4 ? 500 : .95 / (1 - 1e-4));
    rows.reward.push_back(uniform[2 * i + 1] < .5 ? 1 : 0);
  }
  return rows;
}

TEST(Slope, BeatsNoClippingWhereHugeWeightsAreRare) {
  double of_slope = 0, unclipped = 0;
  for (std::uint32_t run = 0; run < 300; ++run) {
    const SlopeResult result = slope_over({.grid = {1000, 100, 10, 1}}, rare_weights(run, 300));
    of_slope += std::pow(result.steps[result.chosen].estimate.value - .5, 2) / 300;
    unclipped += std::pow(result.steps.front().estimate.value - .5, 2) / 300;
  }
  EXPECT_LT(of_slope, .1 * unclipped) << of_slope << " " << unclipped;
}

TEST(Slope, OrdersLambdaTheOtherWayAround) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 3}.draw(1, 500);
  const SlopeResult result =
      slope_over({.kind = Estimator::kSubGaussianIps, .grid = {.5, .01, .1}}, rows);
  EXPECT_EQ(result.steps.front().parameter, .01);
  EXPECT_EQ(result.steps.back().parameter, .5);
}

TEST(Slope, SaysWhereTheGridEnds) {
  const SlopeResult result = slope_over({.grid = {8, 9}}, eight_rows());
  EXPECT_EQ(result.chosen, 1U);  // no weight is that large: nothing changes
  EXPECT_THAT(result.notes, ::testing::ElementsAre(::testing::HasSubstr("too short")));
}

TEST(Slope, WrongGridsAreErrors) {
  EXPECT_THROW(Slope({.grid = {}}), Error);
  EXPECT_THROW(Slope({.grid = {1, 2, 1}}), Error);
  EXPECT_THROW(Slope({.grid = {0}}), Error);
  EXPECT_THROW(Slope({.kind = Estimator::kSnips, .grid = {1}}), Error);
  EXPECT_THROW(Slope({.grid = kGrid}).finish(), Error);
}

}  // namespace
}  // namespace loopline::bandit
