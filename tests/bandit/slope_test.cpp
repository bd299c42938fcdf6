#include "loopline/bandit/slope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bandit/worlds.h"
#include "loopline/bandit/intervals.h"
#include "loopline/core/error.h"
#include "loopline/core/random.h"
#include "loopline/stats/student_t.h"

namespace loopline::bandit {
namespace {

struct SlopeOptions {
  Estimator kind = Estimator::kClippedIps;
  std::vector<double> grid{};
  double level = .95;
};

SlopeResult slope_over(const SlopeOptions& options, const WeightedRows& rows) {
  const std::vector<double> grid = ordered_grid(options.kind, options.grid);
  std::vector<Estimate> estimates;
  std::vector<double> clipped_share;
  for (const double parameter : grid) {
    EstimateAccumulator accumulator({.kind = options.kind, .parameter = parameter});
    accumulator.add(rows);
    estimates.push_back(accumulator.finish());
    double clipped = 0;
    for (const double w : rows.weight) clipped += w > parameter ? 1 : 0;
    clipped_share.push_back(clipped / static_cast<double>(rows.size()));
  }
  return choose_by_slope(grid, estimates, clipped_share, options.level);
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
  const SlopeResult many = slope_over({.grid = kGrid}, world.draw(2, 200000));
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
  EXPECT_THROW(ordered_grid(Estimator::kClippedIps, {}), Error);
  EXPECT_THROW(ordered_grid(Estimator::kClippedIps, {1, 2, 1}), Error);
  EXPECT_THROW(ordered_grid(Estimator::kSnips, {1}), Error);
}

/// SLOPE written a second time, from nothing but weights and rewards: the widths as the paper's
/// 2 sd / sqrt(n), with the quantile of the intervals in the place of 2.
std::size_t tiny_slope(const WeightedRows& rows, std::vector<double> grid, double quantile) {
  const auto n = static_cast<double>(rows.size());
  double low = -1e300, high = 1e300;
  std::size_t chosen = 0;
  for (std::size_t k = 0; k < grid.size(); ++k) {
    double mean = 0, square = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      mean += std::min(rows.weight[i], grid[k]) * rows.reward[i] / n;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      square += std::pow(std::min(rows.weight[i], grid[k]) * rows.reward[i] - mean, 2);
    }
    const double width = quantile * std::sqrt(square / (n - 1) / n);
    low = std::max(low, mean - 2 * width);
    high = std::min(high, mean + 2 * width);
    if (low > high) break;
    chosen = k;
  }
  return chosen;
}

TEST(Slope, EqualsATinyImplementation) {
  const ParetoWorld world{.shape = 1.3};
  const std::vector<double> grid = {1000, 64, 16, 4, 1, .5, .25};
  std::vector<int> seen(grid.size());
  for (const std::size_t count : {200, 2000, 20000}) {
    for (std::uint32_t run = 0; run < 20; ++run) {
      const WeightedRows rows = world.draw(run, count);
      const double quantile = stats::student_t_quantile(
          1 - .05 / 2 / static_cast<double>(grid.size()), static_cast<double>(count - 1));
      const std::size_t expected = tiny_slope(rows, grid, quantile);
      EXPECT_EQ(slope_over({.grid = grid}, rows).chosen, expected) << count << " " << run;
      ++seen[expected];
    }
  }
  EXPECT_GE(std::count_if(seen.begin(), seen.end(), [](int times) { return times > 0; }), 3)
      << "the worlds ask for several choices";
}

}  // namespace
}  // namespace loopline::bandit
