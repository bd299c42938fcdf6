#include "loopline/bandit/confidence_sequence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "bandit/worlds.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

Estimate ips_of(const WeightedRows& rows) {
  EstimateAccumulator accumulator({.kind = Estimator::kIps});
  accumulator.add(rows);
  return accumulator.finish();
}

stats::Interval sequence_over(const WeightedRows& rows, std::size_t block, double level = .95) {
  ConfidenceSequence sequence;
  for (const WeightedRows& part : blocks_of(rows, block)) sequence.add(part);
  return sequence.finish(ips_of(rows), level);
}

/// The bound as it is printed, a bet a row; only its first 128 rows are renewed one by one.
double brute_lower_bound(const std::vector<double>& x, double alpha) {
  double bets = 0, gain = 0, cost = 0, sum = 0, square = 0, best = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double guess = std::min(1.0, (.5 + sum) / (i + 1.0));
    const double variance = (.25 + square) / (i + 1.0);
    const double bet = std::min(
        .5, std::sqrt(2 * std::log(1 / alpha) / (variance * (i + 1.0) * std::log(i + 2.0))));
    bets += bet;
    gain += bet * x[i];
    cost += (-std::log(1 - bet) - bet) * (x[i] - guess) * (x[i] - guess);
    sum += x[i];
    square += (x[i] - guess) * (x[i] - guess);
    best = std::max(best, (gain - cost - std::log(1 / alpha)) / bets);
  }
  return best;
}

TEST(ConfidenceSequence, EqualsTheFormulaRowByRow) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 2}.draw(1, 128);
  std::vector<double> up, down;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    up.push_back(rows.weight[i] * rows.reward[i]);
    down.push_back(rows.weight[i] * (1 - rows.reward[i]));
  }
  const stats::Interval interval = sequence_over(rows, 128);
  EXPECT_GT(interval.low, .1);
  EXPECT_NEAR(interval.low, brute_lower_bound(up, .025), 1e-12);
  EXPECT_NEAR(interval.high, 1 - brute_lower_bound(down, .025), 1e-12);
}

TEST(ConfidenceSequence, BlocksDoNotMatter) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 2}.draw(2, 3000);
  const stats::Interval whole = sequence_over(rows, 3000);
  ConfidenceSequence merged;
  for (const WeightedRows& part : blocks_of(rows, 500)) {
    ConfidenceSequence alone;
    alone.add(part);
    merged.merge(alone);
  }
  EXPECT_EQ(merged.finish(ips_of(rows)).low, sequence_over(rows, 500).low);
  EXPECT_NEAR(whole.low, sequence_over(rows, 500).low, 1e-12);
  EXPECT_NEAR(whole.high, sequence_over(rows, 500).high, 1e-12);
}

TEST(ConfidenceSequence, ShrinksWithRowsAndGrowsWithLevel) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 2}.draw(3, 40000);
  const auto width = [&](std::size_t count, double level = .95) {
    const stats::Interval interval = sequence_over(part_of(rows, 0, count), 65536, level);
    return interval.high - interval.low;
  };
  EXPECT_LT(width(4000), width(400));
  EXPECT_LT(width(40000), .45 * width(4000));
  EXPECT_GT(width(4000, .999), width(4000, .9));
}

TEST(ConfidenceSequence, OneRowAndZeroWeightsSayLittleAndStayInTheUnitInterval) {
  WeightedRows rows = eight_rows();
  const stats::Interval one = sequence_over(part_of(rows, 3, 4), 1);
  EXPECT_EQ(one.low, 0);
  EXPECT_EQ(one.high, 1);
  rows.weight.assign(8, 0);
  EXPECT_EQ(sequence_over(rows, 8).low, 0);
  EXPECT_EQ(sequence_over(rows, 8).high, 1);
}

TEST(ConfidenceSequence, RefusesWhatBetsCannotTake) {
  ConfidenceSequence sequence;
  EXPECT_THROW(sequence.add({.weight = {1}, .reward = {1.1}}), Error);
  EXPECT_THROW(sequence.add({.weight = {1}, .reward = {-.1}}), Error);
  EXPECT_THROW(sequence.add({.weight = {1}, .reward = {1}, .cluster = {1}}), Error);
  EXPECT_THROW(sequence.add({.weight = {1}, .reward = {1}, .multiplicity = {2}}), Error);
  EstimateAccumulator snips({.kind = Estimator::kSnips});
  snips.add(eight_rows());
  EXPECT_THROW(sequence.finish(snips.finish()), Error);
}

TEST(ConfidenceSequence, EarlierRowsCannotComeLater) {
  const WeightedRows rows = SoftmaxWorld{}.draw(1, 20);
  ConfidenceSequence sequence;
  sequence.add(part_of(rows, 10, 20));
  EXPECT_THROW(sequence.add(part_of(rows, 0, 10)), std::logic_error);
}

}  // namespace
}  // namespace loopline::bandit
