#include "loopline/policy/advantage_sum.h"

#include <gtest/gtest.h>

namespace loopline::policy {
namespace {

Advantages advantages_of(const std::vector<double>& rewards, Scale scale,
                         const std::vector<bool>& valid = {}) {
  AdvantageEstimator estimator({.baseline = Baseline::kLeaveOneOut, .scale = scale}, 2);
  RewardBatch batch{rewards, 2, {"a", "b"}, valid};
  return estimator.estimate(batch);
}

TEST(AdvantageSum, OfUnscaledAdvantagesIsTheAdvantageOfTheSum) {
  const std::vector<double> first{1, 2, 5, 3}, second{7, 1, 2, 2};
  std::vector<double> total;
  for (std::size_t i = 0; i < first.size(); ++i) total.push_back(2 * first[i] - 0.5 * second[i]);
  const std::vector<double> weights{2, -0.5};
  const Advantages sum =
      weighted_sum({advantages_of(first, Scale::kNone), advantages_of(second, Scale::kNone)},
                   weights, {{}, 2, {}, {}});
  const Advantages direct = advantages_of(total, Scale::kNone);
  for (std::size_t i = 0; i < total.size(); ++i) EXPECT_NEAR(sum.value[i], direct.value[i], 1e-12);
}

TEST(AdvantageSum, OfScaledAdvantagesDoesNotDependOnARewardsUnit) {
  const std::vector<double> first{1, 2, 5, 3}, second{7, 1, 2, 2};
  std::vector<double> grams;
  for (const double value : second) grams.push_back(1000 * value);
  const std::vector<double> weights{1, 1};
  const auto sum = [&](const std::vector<double>& other) {
    return weighted_sum(
        {advantages_of(first, Scale::kBatchStd), advantages_of(other, Scale::kBatchStd)}, weights,
        {{}, 2, {}, {}});
  };
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_NEAR(sum(second).value[i], sum(grams).value[i], 1e-5);
  }
}

TEST(AdvantageSum, AGroupHasZeroVarianceWhenItHasUnderEveryReward) {
  const std::vector<bool> all(4, true);
  const Advantages first = advantages_of({1, 1, 2, 2}, Scale::kNone);
  const Advantages second = advantages_of({3, 4, 5, 5}, Scale::kNone);
  const Advantages sum = weighted_sum({first, second}, std::vector<double>{1, 1}, {{}, 2, {}, all});
  EXPECT_EQ(first.zero_variance_groups, 2);
  EXPECT_EQ(sum.zero_variance_groups, 1);
  EXPECT_EQ(sum.informative, (std::vector<bool>{true, true, false, false}));
}

TEST(AdvantageSum, InvalidSamplesStayOutAndAloneSamplesAreNoZeroVariance) {
  const std::vector<bool> valid{true, false, true, true};
  const Advantages part = advantages_of({1, 9, 2, 4}, Scale::kNone, valid);
  const Advantages sum = weighted_sum({part, part}, std::vector<double>{1, 2}, {{}, 2, {}, valid});
  EXPECT_EQ(sum.invalid, 1);
  EXPECT_EQ(sum.zero_variance_groups, 0);
  EXPECT_EQ(sum.value[0], 0);
  EXPECT_EQ(sum.value[1], 0);
  EXPECT_EQ(sum.value[2], 3 * (2 - 4));
}

}  // namespace
}  // namespace loopline::policy
