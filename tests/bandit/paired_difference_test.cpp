// The paired difference of every estimator, against brute force: the influence function of each
// policy's estimate, row by row, from the definitions.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "bandit/worlds.h"
#include "loopline/bandit/difference.h"
#include "loopline/bandit/intervals.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using ::testing::HasSubstr;

struct Brute {
  double value = 0;
  std::vector<double> influence{};  ///< of each row; 0 in the mean
};

double mean_over(const WeightedRows& rows, const std::function<double(std::size_t)>& term) {
  double sum = 0, count = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sum += rows.count(i) * term(i);
    count += rows.count(i);
  }
  return sum / count;
}

Brute brute_mean(const WeightedRows& rows, const std::function<double(std::size_t)>& term) {
  Brute brute{.value = mean_over(rows, term)};
  for (std::size_t i = 0; i < rows.size(); ++i) brute.influence.push_back(term(i) - brute.value);
  return brute;
}

/// Estimators as their definitions have them, with M = 1.5 and lambda = .2.
Brute brute_estimate(Estimator kind, const WeightedRows& rows) {
  const auto w = [&](std::size_t i) { return rows.weight[i]; };
  const auto r = [&](std::size_t i) { return rows.reward[i]; };
  const auto left = [&](std::size_t i) { return rows.reward[i] - rows.model_logged[i]; };
  const auto q = [&](std::size_t i) { return rows.model_policy[i]; };
  const auto ratio = [&](const std::function<double(std::size_t)>& top) {
    const double weight = mean_over(rows, w);
    const double value = mean_over(rows, [&](std::size_t i) { return w(i) * top(i); }) / weight;
    Brute brute{.value = value};
    for (std::size_t i = 0; i < rows.size(); ++i) {
      brute.influence.push_back(w(i) * (top(i) - value) / weight);
    }
    return brute;
  };
  switch (kind) {
    case Estimator::kDm:
      return brute_mean(rows, q);
    case Estimator::kIps:
      return brute_mean(rows, [&](std::size_t i) { return w(i) * r(i); });
    case Estimator::kClippedIps:
      return brute_mean(rows, [&](std::size_t i) { return std::min(w(i), 1.5) * r(i); });
    case Estimator::kSnips:
      return ratio(r);
    case Estimator::kDr:
      return brute_mean(rows, [&](std::size_t i) { return w(i) * left(i) + q(i); });
    case Estimator::kSndr: {
      Brute brute = ratio(left);
      const Brute modelled = brute_mean(rows, q);
      brute.value += modelled.value;
      for (std::size_t i = 0; i < rows.size(); ++i) brute.influence[i] += modelled.influence[i];
      return brute;
    }
    case Estimator::kSwitchDr:
      return brute_mean(rows,
                        [&](std::size_t i) { return (w(i) <= 1.5 ? w(i) * left(i) : 0) + q(i); });
    case Estimator::kShrinkageDr:
      return brute_mean(
          rows, [&](std::size_t i) { return 1.5 * w(i) / (w(i) * w(i) + 1.5) * left(i) + q(i); });
    case Estimator::kSubGaussianIps:
      return brute_mean(rows, [&](std::size_t i) { return w(i) / (.8 + .2 * w(i)) * r(i); });
    case Estimator::kBetaIps:
    case Estimator::kBetaIpsCrossFitted:
      break;
  }
  throw std::logic_error("has a baseline of its own");
}

/// beta_ips: one additive baseline for the difference of the weights; fold by fold for the
/// cross-fitted one, whose folds go by the number of the row.
Brute brute_baseline(const WeightedRows& target, const WeightedRows& other, std::size_t folds) {
  const auto w = [&](std::size_t i) { return target.weight[i] - other.weight[i]; };
  std::vector<double> b(folds);
  for (std::size_t k = 0; k < folds; ++k) {
    double top = 0, bottom = 0;
    for (std::size_t i = 0; i < target.size(); ++i) {
      if (folds > 1 && i % folds == k) continue;
      top += target.count(i) * w(i) * w(i) * target.reward[i];
      bottom += target.count(i) * w(i) * w(i);
    }
    b[k] = top / bottom;
  }
  return brute_mean(target,
                    [&](std::size_t i) { return w(i) * (target.reward[i] - b[i % folds]); });
}

/// Standard error of a mean of influences, between rows or clusters.
double error_of(const WeightedRows& rows, const std::vector<double>& influence) {
  std::map<std::int64_t, double> by_unit;
  double count = 0, squares = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    by_unit[rows.unit(i)] += rows.count(i) * influence[i];
    count += rows.count(i);
    squares += rows.count(i) * influence[i] * influence[i];
  }
  double units = count;
  if (!rows.cluster.empty()) {
    squares = 0;
    units = static_cast<double>(by_unit.size());
    for (const auto& [unit, sum] : by_unit) squares += sum * sum;
  }
  return std::sqrt(squares * units / (units - 1)) / count;
}

struct Pair {
  WeightedRows target, other;
};

/// Two softmax policies on the same rows.
Pair two_policies(std::size_t count) {
  Pair pair{SoftmaxWorld{.target_slope = 3}.draw(5, count),
            SoftmaxWorld{.target_slope = -1}.draw(5, count)};
  for (std::size_t i = 0; i < count; ++i) {  // models that differ row by row
    pair.target.model_policy[i] += .01 * static_cast<double>(i % 7);
    pair.other.model_policy[i] -= .02 * static_cast<double>(i % 5);
  }
  return pair;
}

EstimatorChoice choice_of(const EstimatorEntry& entry) {
  EstimatorChoice choice{.kind = entry.kind};
  if (entry.parameter.required) choice.parameter = entry.parameter.name == "M" ? 1.5 : .2;
  return choice;
}

Estimate difference_of(const EstimatorChoice& choice, const Pair& pair) {
  PairedDifference difference(choice);
  difference.add(pair.target, pair.other);
  return difference.finish();
}

void expect_brute(const Pair& pair, bool with_folds) {
  for (const EstimatorEntry& entry : estimator_table()) {
    Brute brute;
    if (entry.kind == Estimator::kBetaIpsCrossFitted && !with_folds) continue;
    if (entry.shape == Shape::kBaseline || entry.shape == Shape::kCrossFitted) {
      brute = brute_baseline(pair.target, pair.other, entry.shape == Shape::kBaseline ? 1 : 5);
    } else {
      brute = brute_estimate(entry.kind, pair.target);
      const Brute other = brute_estimate(entry.kind, pair.other);
      brute.value -= other.value;
      for (std::size_t i = 0; i < pair.target.size(); ++i) brute.influence[i] -= other.influence[i];
    }
    const Estimate difference = difference_of(choice_of(entry), pair);
    EXPECT_NEAR(difference.value, brute.value, 1e-13) << entry.name;
    EXPECT_NEAR(difference.standard_error, error_of(pair.target, brute.influence), 1e-13)
        << entry.name;
    EXPECT_GT(difference.standard_error, 1e-4) << entry.name;
  }
}

TEST(PairedDifference, EqualsBruteForceForEveryEstimator) {
  const Pair rows = two_policies(700);
  expect_brute(rows, true);
  Pair repeated = rows;
  for (std::size_t i = 0; i < 700; ++i) {
    repeated.target.multiplicity.push_back(1 + static_cast<double>(i % 3));
  }
  repeated.other.multiplicity = repeated.target.multiplicity;
  expect_brute(repeated, true);
  Pair clustered = repeated;
  for (std::int64_t i = 0; i < 700; ++i) clustered.target.cluster.push_back(i * 37 % 91);
  clustered.other.cluster = clustered.target.cluster;
  expect_brute(clustered, false);  // folds of clusters go by a hash of their names
}

TEST(PairedDifference, BlocksMergedInOrderGiveTheSameBits) {
  const Pair rows = two_policies(700);
  const std::vector<WeightedRows> targets = blocks_of(rows.target, 128);
  const std::vector<WeightedRows> others = blocks_of(rows.other, 128);
  for (const EstimatorEntry& entry : estimator_table()) {
    PairedDifference straight(choice_of(entry)), merged(choice_of(entry));
    for (std::size_t k = 0; k < targets.size(); ++k) {
      straight.add(targets[k], others[k]);
      PairedDifference alone(choice_of(entry));
      alone.add(targets[k], others[k]);
      merged.merge(alone);
    }
    EXPECT_EQ(straight.finish().value, merged.finish().value) << entry.name;
    EXPECT_EQ(straight.finish().standard_error, merged.finish().standard_error) << entry.name;
    EXPECT_NEAR(straight.finish().value, difference_of(choice_of(entry), rows).value, 1e-13);
  }
}

TEST(PairedDifference, IsSurerThanTwoEstimatesWherePoliciesAreNear) {
  const Pair rows{SoftmaxWorld{.target_slope = 1.1}.draw(1, 4000),
                  SoftmaxWorld{.target_slope = 1}.draw(1, 4000)};
  for (const EstimatorEntry& entry : estimator_table()) {
    if (entry.kind == Estimator::kDm) continue;  // this world's model is the same in every row
    EstimateAccumulator alone(choice_of(entry));
    alone.add(rows.target);
    EXPECT_LT(5 * difference_of(choice_of(entry), rows).standard_error,
              alone.finish().standard_error)
        << entry.name;
  }
}

TEST(PairedDifference, OfAPolicyWithItselfIsNothing) {
  const WeightedRows rows = two_policies(300).target;
  for (const EstimatorEntry& entry : estimator_table()) {
    const Estimate difference = difference_of(choice_of(entry), {rows, rows});
    EXPECT_EQ(difference.value, 0) << entry.name;
    EXPECT_NEAR(difference.standard_error, 0, 1e-9) << entry.name;
  }
}

TEST(PairedDifference, SaysWhatIsUndefinedAndRefusesAnEmptyLog) {
  Pair rows = two_policies(50);
  rows.other.weight.assign(50, 0);
  const Estimate difference = difference_of({.kind = Estimator::kSnips}, rows);
  EXPECT_TRUE(std::isnan(difference.value));
  EXPECT_THAT(difference.notes.at(0), HasSubstr("sum to 0"));
  EXPECT_THROW(PairedDifference({.kind = Estimator::kSnips}).finish(), Error);
  EXPECT_THROW(PairedDifference({.kind = Estimator::kIps}).finish(), Error);
  rows.other = two_policies(49).other;
  EXPECT_THROW(difference_of({.kind = Estimator::kSnips}, rows), std::logic_error);
}

TEST(PairedDifference, MeansHaveMoreIntervalsThanRatios) {
  const Pair rows = two_policies(500);
  const Estimate mean = difference_of({.kind = Estimator::kIps}, rows);
  EXPECT_NO_THROW(closed_interval(mean, IntervalKind::kStudentT));
  EXPECT_NO_THROW(closed_interval(mean, IntervalKind::kBernstein, .95, TermRange{-20, 20}));
  const Estimate ratio = difference_of({.kind = Estimator::kSnips}, rows);
  EXPECT_THROW(closed_interval(ratio, IntervalKind::kStudentT), Error);
  EXPECT_NO_THROW(closed_interval(ratio, IntervalKind::kDelta));
}

// Intervals of nominal 95 % over 300 logs hold the true difference; three standard deviations.
TEST(PairedDifference, IntervalsHoldTheTruth) {
  const SoftmaxWorld world{.target_slope = 2}, other{.target_slope = 1};
  for (const Estimator kind : {Estimator::kIps, Estimator::kSnips, Estimator::kBetaIps,
                               Estimator::kBetaIpsCrossFitted, Estimator::kDr, Estimator::kSndr}) {
    double held = 0;
    for (std::uint32_t run = 0; run < 300; ++run) {
      const Estimate estimate =
          difference_of({.kind = kind}, {world.draw(run, 1000), other.draw(run, 1000)});
      const bool is_mean = functional_of({.kind = kind}).shape == Shape::kMean;
      const stats::Interval interval =
          closed_interval(estimate, is_mean ? IntervalKind::kStudentT : IntervalKind::kDelta);
      const double truth = world.truth() - other.truth();
      held += interval.low <= truth && truth <= interval.high ? 1 : 0;
    }
    EXPECT_NEAR(held / 300, .95, .038) << entry_of(kind).name;
  }
}

}  // namespace
}  // namespace loopline::bandit
