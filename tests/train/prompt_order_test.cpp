#include "loopline/train/prompt_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "loopline/core/random.h"

namespace loopline::train {
namespace {

TEST(PromptOrder, GoesThroughTheFileInEpochs) {
  std::vector<std::int64_t> drawn;
  for (std::int64_t iteration = 0; iteration < 7; ++iteration) {
    const auto part = prompts_of_iteration(9, iteration, 4, 7);
    drawn.insert(drawn.end(), part.begin(), part.end());
  }
  for (std::size_t epoch = 0; epoch < 4; ++epoch) {
    const std::set<std::int64_t> seen(drawn.begin() + static_cast<std::ptrdiff_t>(7 * epoch),
                                      drawn.begin() + static_cast<std::ptrdiff_t>(7 * epoch + 7));
    EXPECT_EQ(seen.size(), 7U) << "epoch " << epoch;
  }
  EXPECT_NE(std::vector<std::int64_t>(drawn.begin(), drawn.begin() + 7),
            std::vector<std::int64_t>(drawn.begin() + 7, drawn.begin() + 14));
}

// The draws of many iterations, one after another.
std::vector<std::int64_t> draws(std::uint64_t seed, std::int64_t iterations, std::int64_t groups,
                                const std::vector<double>& weights) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < iterations; ++i) {
    const auto part = drawn_prompts_of_iteration(seed, i, groups, weights);
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// Pearson's statistic of counts against probabilities.
double chi_square(const std::vector<double>& counts, const std::vector<double>& weights) {
  const double drawn = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = drawn * weights[i] / total;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

TEST(DrawnPrompts, ComeAsOftenAsTheirWeights) {
  const std::vector<double> weights = {1, 0.25, 3, 2, 0.5, 1, 7};
  std::vector<double> counts(weights.size());
  for (const std::int64_t prompt : draws(3, 4000, 25, weights)) {
    ++counts.at(static_cast<std::size_t>(prompt));
  }
  EXPECT_LT(chi_square(counts, weights), 22.46) << "1 in 1000 for 6 degrees of freedom";
}

TEST(DrawnPrompts, AreIndependentWithinAndBetweenIterations) {
  const std::vector<double> weights = {1, 2, 3};
  for (const std::size_t lag : {1, 2, 3, 8, 16}) {  // 8 draws an iteration
    const auto all = draws(4, 5000, 8, weights);
    std::vector<double> counts(9), joint(9);
    for (std::size_t i = 0; i < 9; ++i) joint[i] = weights[i / 3] * weights[i % 3];
    for (std::size_t i = lag; i < all.size(); ++i) {
      ++counts.at(static_cast<std::size_t>(3 * all[i - lag] + all[i]));
    }
    EXPECT_LT(chi_square(counts, joint), 26.12) << "1 in 1000 for 8 degrees of freedom, " << lag;
  }
}

// The same draw by a walk through the list instead of a search.
TEST(DrawnPrompts, MatchALinearWalk) {
  std::vector<double> weights(1000);
  fill_uniform({.seed = 8}, weights);
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::uint32_t iteration = 0; iteration < 20; ++iteration) {
    const auto drawn = drawn_prompts_of_iteration(6, iteration, 9, weights);
    for (std::uint32_t i = 0; i < 9; ++i) {
      const auto words =
          philox({.seed = 6, .stream = Stream::kPromptDraw, .iteration = iteration}, i / 2);
      double left = (words[i % 2 * 2] * 0x1p-32 + words[i % 2 * 2 + 1] * 0x1p-64) * total;
      std::int64_t expected = 0;
      while ((left -= weights[static_cast<std::size_t>(expected)]) >= 0) ++expected;
      EXPECT_EQ(drawn[i], expected);
    }
  }
}

TEST(DrawnPrompts, AreAFunctionOfSeedAndIteration) {
  const std::vector<double> weights(50, 1.0);
  const auto drawn = drawn_prompts_of_iteration(1, 7, 12, weights);
  EXPECT_EQ(drawn, drawn_prompts_of_iteration(1, 7, 12, weights));
  EXPECT_NE(drawn, drawn_prompts_of_iteration(1, 8, 12, weights));
  EXPECT_NE(drawn, drawn_prompts_of_iteration(2, 7, 12, weights));
  for (std::int64_t groups = 0; groups < 12; ++groups) {
    EXPECT_EQ(drawn_prompts_of_iteration(1, 7, groups, weights),
              std::vector(drawn.begin(), drawn.begin() + groups))
        << "a prefix";
  }
}

TEST(DrawnPrompts, NeverIncludeAWeightOfZero) {
  const std::vector<double> weights = {0, 1, 0, 0, 2, 0};
  const auto all = draws(1, 100, 10, weights);
  EXPECT_EQ(std::set<std::int64_t>(all.begin(), all.end()), (std::set<std::int64_t>{1, 4}));
}

TEST(DrawnPrompts, WorkForOnePromptAndForAnyUnitOfWeight) {
  EXPECT_EQ(drawn_prompts_of_iteration(1, 0, 3, std::vector{0.2}),
            (std::vector<std::int64_t>{0, 0, 0}));
  const double huge = std::numeric_limits<double>::max();
  EXPECT_EQ(draws(1, 9, 9, {huge, huge, huge / 2}), draws(1, 9, 9, {2, 2, 1}));
}

}  // namespace
}  // namespace loopline::train
