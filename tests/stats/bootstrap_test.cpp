#include "loopline/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

#include "loopline/core/random.h"

namespace loopline::stats {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

// Golden numbers are numpy's: np.mean, np.sort(values)[n // 4 : n - n // 4].mean(), Mann-Whitney by
// broadcasting, np.trapezoid, and np.quantile over all 3^3 x 4^4 resamples of `kX` and `kY`.
const ScoreTable kX = {{.10, .55, .30, .80}, {.20, .40, .35, .90}, {.15, .60, .25, .70}};
const ScoreTable kY = {{.05, .55, .40, .60}, {.25, .30, .35, .75}, {.10, .45, .20, .70}};

Resample whole(const ScoreTable& table) {
  return crossed_draws(table.size(), table.front().size(), 0, 1).all;
}

TEST(Bootstrap, StatisticsEqualThoseOfNumpy) {
  EXPECT_NEAR(mean(kX, whole(kX)), 0.44166666666666665, 1e-15);
  EXPECT_NEAR(interquartile_mean(kX, whole(kX)), 0.4083333333333334, 1e-15);
  // Nine and six values: two and one fall away at either end.
  EXPECT_NEAR(interquartile_mean(kX, {{0, 1, 2}, {0, 1, 2}}), 0.3, 1e-15);
  EXPECT_NEAR(interquartile_mean(kX, {{0, 1}, {0, 1, 2}}), 0.3125, 1e-15);
  EXPECT_NEAR(probability_of_improvement(kX, kY, whole(kX)), 0.638888888888889, 1e-15);
  EXPECT_NEAR(mean(difference(kX, kY), whole(kX)), 0.05, 1e-15);
}

TEST(Bootstrap, IntervalsEqualThoseOverAllResamples) {
  const CrossedDraws draws = crossed_draws(3, 4, 1, 40000);
  const ScoreTable gain = difference(kX, kY);
  const auto interval = [&](const Statistic& statistic) {
    return crossed_bootstrap(draws, statistic);
  };
  const Interval mean_gain = interval([&](const Resample& part) { return mean(gain, part); });
  EXPECT_NEAR(mean_gain.mean, 0.05, 1e-15);
  EXPECT_NEAR(mean_gain.low, -0.02083333, 2e-3);
  EXPECT_NEAR(mean_gain.high, 0.1125, 2e-3);
  const Interval middle =
      interval([&](const Resample& part) { return interquartile_mean(kX, part); });
  EXPECT_NEAR(middle.low, 0.175, 4e-3);
  EXPECT_NEAR(middle.high, 0.75, 4e-3);
  const Interval wins =
      interval([&](const Resample& part) { return probability_of_improvement(kX, kY, part); });
  EXPECT_NEAR(wins.low, 1.0 / 3, 1e-2);
  EXPECT_NEAR(wins.high, 11.0 / 12, 1e-2);
}

TEST(Bootstrap, RowsAndColumnsAreDrawnIndependently) {
  const CrossedDraws draws = crossed_draws(2, 2, 3, 16000);
  // Each of the 4 x 4 outcomes has 1/16: standard deviation of a count 31.
  std::vector<int> counts(16);
  for (const Resample& part : draws.resamples) {
    ++counts[part.rows[0] + 2 * part.rows[1] + 4 * part.columns[0] + 8 * part.columns[1]];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

TEST(Bootstrap, IsAFunctionOfItsArguments) {
  const auto low = [](std::uint64_t seed) {
    return crossed_bootstrap(crossed_draws(3, 4, seed),
                             [](const Resample& part) { return mean(kX, part); })
        .low;
  };
  EXPECT_EQ(low(1), low(1));
  std::set<double> lows;
  for (std::uint64_t seed = 0; seed < 30; ++seed) lows.insert(low(seed));
  EXPECT_GT(lows.size(), 1U);
}

TEST(Bootstrap, AWiderLevelIsAWiderInterval) {
  const CrossedDraws draws = crossed_draws(3, 4, 1);
  const Statistic statistic = [](const Resample& part) { return mean(kX, part); };
  EXPECT_LT(crossed_bootstrap(draws, statistic, 0.99).low,
            crossed_bootstrap(draws, statistic, 0.5).low);
}

// Scores of runs whose truth is 0: an effect a seed, an effect a prompt, and noise.
ScoreTable crossed_scores(std::uint32_t run, std::size_t seeds, std::size_t prompts) {
  std::vector<float> noise(seeds + prompts + seeds * prompts);
  fill_normal({.seed = 4, .iteration = run}, noise);
  ScoreTable table(seeds, std::vector<double>(prompts));
  for (std::size_t i = 0; i < seeds; ++i) {
    for (std::size_t j = 0; j < prompts; ++j) {
      table[i][j] = noise[i] + noise[seeds + j] + 0.3 * noise[seeds + prompts + i * prompts + j];
    }
  }
  return table;
}

TEST(Bootstrap, CoversTheTruthWhenSeedsAndPromptsHaveEffects) {
  int covered = 0;
  int covered_by_prompts = 0;
  for (std::uint32_t run = 0; run < 200; ++run) {
    const ScoreTable table = crossed_scores(run, 12, 15);
    const auto covers = [&](const ScoreTable& scores, const CrossedDraws& draws) {
      const Interval interval =
          crossed_bootstrap(draws, [&](const Resample& part) { return mean(scores, part); });
      return interval.low <= 0 && 0 <= interval.high;
    };
    covered += covers(table, crossed_draws(12, 15, run, 300));
    // Prompts alone, as rows: blind to what a seed does.
    ScoreTable transposed(15, std::vector<double>(1));
    for (std::size_t j = 0; j < 15; ++j) {
      for (std::size_t i = 0; i < 12; ++i) transposed[j][0] += table[i][j] / 12;
    }
    covered_by_prompts += covers(transposed, crossed_draws(15, 1, run, 300));
  }
  EXPECT_GE(covered, 178);  // nominal 190, standard deviation 3; the bootstrap is slightly short
  EXPECT_LE(covered_by_prompts, 165);
}

TEST(Bootstrap, OneSeedIsInfiniteWhateverItsPromptsSay) {
  const ScoreTable one = {{.1, .2, .3}};
  const Interval interval = crossed_bootstrap(
      crossed_draws(1, 3, 1), [&](const Resample& part) { return mean(one, part); });
  EXPECT_DOUBLE_EQ(interval.mean, 0.2);
  EXPECT_TRUE(std::isinf(interval.low) && std::isinf(interval.high));
}

TEST(Bootstrap, OnePromptLeavesTheSpreadOfSeeds) {
  const ScoreTable column = {{0}, {1}};
  const Interval interval = crossed_bootstrap(
      crossed_draws(2, 1, 1), [&](const Resample& part) { return mean(column, part); });
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 1);
}

TEST(Bootstrap, MissingValuesAreLeftOut) {
  const ScoreTable x = {{1, kMissing, 3}, {2, kMissing, kMissing}};
  const ScoreTable y = {{0, 7, 3}, {2, kMissing, 5}};
  EXPECT_DOUBLE_EQ(mean(x, whole(x)), 2);
  EXPECT_DOUBLE_EQ(interquartile_mean(x, whole(x)), 2);
  EXPECT_TRUE(std::isnan(mean(x, {{0, 1}, {1}})));
  EXPECT_TRUE(std::isnan(interquartile_mean(x, {{0, 1}, {1}})));
  EXPECT_DOUBLE_EQ(mean(difference(x, y), whole(x)), (1.0 + 0 + 0) / 3);
  // Prompt 0: 1 > 0, 1 < 2, 2 > 0, a tie; prompt 1: no pair; prompt 2: a tie, a loss.
  EXPECT_DOUBLE_EQ(probability_of_improvement(x, y, whole(x)), (2.5 / 4 + 0.5 / 2) / 2);
  EXPECT_TRUE(std::isnan(probability_of_improvement(x, y, {{0, 1}, {1}})));

  // A resample that holds the missing prompt alone says nothing.
  const ScoreTable half = {{1, kMissing}, {2, kMissing}};
  const Interval interval = crossed_bootstrap(
      crossed_draws(2, 2, 1), [&](const Resample& part) { return mean(half, part); });
  EXPECT_EQ(interval.low, 1);
  EXPECT_EQ(interval.high, 2);
  const ScoreTable none = {{kMissing}, {kMissing}};
  EXPECT_TRUE(std::isinf(crossed_bootstrap(crossed_draws(2, 1, 1), [&](const Resample& part) {
                           return mean(none, part);
                         }).high));
}

TEST(Bootstrap, ImprovementIsOneLessTheReverse) {
  const Resample part = {{0, 2, 2}, {1, 3, 3, 0}};
  EXPECT_NEAR(probability_of_improvement(kX, kY, part) + probability_of_improvement(kY, kX, part),
              1, 1e-15);
  EXPECT_EQ(probability_of_improvement(kX, kX, whole(kX)), 0.5);
}

TEST(Bootstrap, StatisticsOfAResampleAreThoseOfItsPart) {
  for (const Resample& part : crossed_draws(3, 4, 9, 50).resamples) {
    const ScoreTable x = picked(kX, part);
    const ScoreTable y = picked(kY, part);
    ASSERT_EQ(x.size(), 3U);
    ASSERT_EQ(x.front().size(), 4U);
    EXPECT_EQ(x[1][2], kX[part.rows[1]][part.columns[2]]);
    EXPECT_EQ(mean(kX, part), mean(x, whole(x)));
    EXPECT_EQ(interquartile_mean(kX, part), interquartile_mean(x, whole(x)));
    EXPECT_EQ(probability_of_improvement(kX, kY, part), probability_of_improvement(x, y, whole(x)));
  }
}

TEST(Curve, AreaIsTheMeanHeight) {
  const std::vector<double> x = {0, 1, 3, 4, 8};
  const std::vector<double> y = {.1, .5, .4, .9, 1.0};
  EXPECT_NEAR(area_under_curve(x, y), 0.70625, 1e-15);  // np.trapezoid(y, x) / 8
  const std::vector<double> gap = {.1, kMissing, .4, .9, 1.0};
  EXPECT_NEAR(area_under_curve(x, gap), (3 * .25 + .65 + 4 * .95) / 8, 1e-15);
  const std::vector<double> one = {kMissing, kMissing, .4, kMissing, kMissing};
  EXPECT_EQ(area_under_curve(x, one), .4);
  EXPECT_TRUE(std::isnan(area_under_curve({}, {})));
}

TEST(Curve, CrossingLiesOnTheLineBetweenPoints) {
  const std::vector<double> x = {10, 20, 30, 40};
  const std::vector<double> y = {.2, .4, .3, .8};
  EXPECT_EQ(first_crossing(x, y, .1), 10);
  EXPECT_EQ(first_crossing(x, y, .4), 20);
  EXPECT_NEAR(*first_crossing(x, y, .35), 17.5, 1e-12);
  EXPECT_NEAR(*first_crossing(x, y, .55), 35, 1e-12);
  EXPECT_FALSE(first_crossing(x, y, .81));
  const std::vector<double> gap = {.2, kMissing, .3, .8};
  EXPECT_NEAR(*first_crossing(x, gap, .25), 20, 1e-12);
  EXPECT_FALSE(first_crossing({}, {}, 0));
}

TEST(Curve, UnequalLengthsAndDescendingXAreBrokenInvariants) {
  const std::vector<double> two = {1, 2};
  const std::vector<double> down = {2, 1};
  EXPECT_ANY_THROW(area_under_curve(two, {}));
  EXPECT_ANY_THROW(area_under_curve(down, two));
  EXPECT_ANY_THROW(first_crossing(down, two, 1));
  EXPECT_ANY_THROW(crossed_draws(0, 1, 1));
}

}  // namespace
}  // namespace loopline::stats
