#include "loopline/bandit/weight_histogram.h"

#include <gmock/gmock.h>

#include <cmath>

namespace loopline::bandit {
namespace {

WeightedRows rows_of(std::vector<double> weights) {
  WeightedRows rows;
  rows.reward.assign(weights.size(), 1);
  rows.weight = std::move(weights);
  return rows;
}

TEST(WeightHistogram, EveryWeightLiesInItsBin) {
  for (const double w :
       {0.0, 1e-9, 0.001, 0.5, 0.999, 1.0, 1.4, std::sqrt(2.0), 3.0, 21739.0, 1e9}) {
    WeightHistogram histogram;
    histogram.add(rows_of({w}));
    const auto bins = histogram.bins();
    ASSERT_EQ(bins.size(), 1U) << w;
    EXPECT_LE(bins[0].low, w);
    EXPECT_GT(bins[0].high, w);
    EXPECT_EQ(bins[0].rows, 1);
    EXPECT_EQ(bins[0].weight, w);
  }
}

TEST(WeightHistogram, BinsBetweenFilledOnesAreThereAndSumsAreKept) {
  WeightHistogram histogram, other;
  histogram.add(rows_of({1, 1.1}));
  WeightedRows rows = rows_of({8});
  rows.multiplicity = {3};
  other.add(rows);
  histogram.merge(other);
  const auto bins = histogram.bins();
  ASSERT_EQ(bins.size(), 7U);  // 1, 1.41, 2, 2.83, 4, 5.66, 8
  EXPECT_EQ(bins.front().rows, 2);
  EXPECT_DOUBLE_EQ(bins.front().weight, 2.1);
  for (std::size_t i = 1; i + 1 < bins.size(); ++i) {
    EXPECT_EQ(bins[i].rows, 0);
    EXPECT_DOUBLE_EQ(bins[i].low, bins[i - 1].high);
  }
  EXPECT_EQ(bins.back().rows, 3);
  EXPECT_EQ(bins.back().weight, 24);
}

TEST(WeightHistogram, WithoutRowsThereAreNoBins) { EXPECT_TRUE(WeightHistogram().bins().empty()); }

}  // namespace
}  // namespace loopline::bandit
