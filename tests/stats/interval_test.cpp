#include "loopline/stats/interval.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "loopline/core/random.h"

namespace loopline::stats {
namespace {

std::vector<double> normal(std::uint32_t run, std::size_t count) {
  std::vector<float> values(count);
  fill_normal({.seed = 3, .iteration = run}, values);
  return {values.begin(), values.end()};
}

bool covers(const Interval& interval, double value) {
  return interval.low <= value && value <= interval.high;
}

TEST(TInterval, MatchesHandComputedExample) {
  // Mean 3, sample variance 2.5, n 5: half width 2.776445105 * sqrt(2.5 / 5).
  const std::vector<double> values = {1, 2, 3, 4, 5};
  const Interval interval = t_interval(values);
  EXPECT_DOUBLE_EQ(interval.mean, 3);
  EXPECT_NEAR(interval.high - 3, 1.963243161, 1e-8);
  EXPECT_NEAR(3 - interval.low, 1.963243161, 1e-8);
  EXPECT_LT(t_interval(values, 0.9).high, interval.high);
}

TEST(TInterval, OneValueIsInfiniteAndEqualValuesArePoint) {
  const std::vector<double> one = {0.4};
  EXPECT_EQ(t_interval(one).mean, 0.4);
  EXPECT_TRUE(std::isinf(t_interval(one).low) && std::isinf(t_interval(one).high));
  const std::vector<double> equal = {0.4, 0.4, 0.4};
  EXPECT_EQ(t_interval(equal).low, 0.4);
  EXPECT_EQ(t_interval(equal).high, 0.4);
  EXPECT_ANY_THROW(t_interval({}));
}

TEST(TInterval, CoversTheTruthAtItsLevel) {
  int covered = 0;
  for (std::uint32_t run = 0; run < 2000; ++run) covered += covers(t_interval(normal(run, 4)), 0);
  // Binomial(2000, .95): mean 1900, standard deviation 9.7. A normal quantile would cover 1740.
  EXPECT_NEAR(covered, 1900, 45);
}

// Effects shared by a cluster's values: an interval that ignores clusters is far too short.
struct Clustered {
  std::vector<double> values;
  std::vector<std::int64_t> labels;
};

Clustered clustered(std::uint32_t run, int clusters, int size) {
  const std::vector<double> noise = normal(run, clusters * (size + 1));
  Clustered data;
  for (int i = 0; i < clusters * size; ++i) {
    data.labels.push_back(i / size);
    data.values.push_back(noise[i / size] + 0.3 * noise[clusters + i]);
  }
  return data;
}

TEST(ClusterBootstrap, CoversTheTruthWhenClustersShareAnEffect) {
  int covered = 0;
  int covered_without_clusters = 0;
  for (std::uint32_t run = 0; run < 300; ++run) {
    const Clustered data = clustered(run, 40, 6);
    covered += covers(cluster_bootstrap(data.values, data.labels, run, 400), 0);
    covered_without_clusters += covers(t_interval(data.values), 0);
  }
  EXPECT_GE(covered, 270);  // nominal 285, standard deviation 3.8, bootstrap slightly short
  EXPECT_LE(covered, 297);
  EXPECT_LE(covered_without_clusters, 220);
}

TEST(ClusterBootstrap, IsAFunctionOfItsArguments) {
  const Clustered data = clustered(1, 20, 3);
  const Interval first = cluster_bootstrap(data.values, data.labels, 5);
  const Interval again = cluster_bootstrap(data.values, data.labels, 5);
  EXPECT_EQ(first.low, again.low);
  EXPECT_EQ(first.high, again.high);
  EXPECT_NE(first.low, cluster_bootstrap(data.values, data.labels, 6).low);

  std::vector<std::int64_t> renamed = data.labels;
  for (std::int64_t& label : renamed) label = 1000 - 7 * label;
  EXPECT_EQ(first.low, cluster_bootstrap(data.values, renamed, 5).low);
}

TEST(ClusterBootstrap, SingletonClustersApproachTheNormalInterval) {
  const std::vector<double> values = normal(9, 400);
  std::vector<std::int64_t> labels(values.size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i);
  const Interval bootstrap = cluster_bootstrap(values, labels, 1, 8000);
  const Interval exact = t_interval(values);
  EXPECT_DOUBLE_EQ(bootstrap.mean, exact.mean);
  EXPECT_NEAR(bootstrap.low, exact.low, 0.012);
  EXPECT_NEAR(bootstrap.high, exact.high, 0.012);
}

TEST(ClusterBootstrap, ResamplesOfTwoClustersTakeKnownValues) {
  // Clusters (0, 0, 0) and (1): resampled means are 0, 1/4 or 1.
  const std::vector<double> values = {0, 1, 0, 0};
  const std::vector<std::int64_t> labels = {4, 2, 4, 4};
  const Interval interval = cluster_bootstrap(values, labels, 1);
  EXPECT_DOUBLE_EQ(interval.mean, 0.25);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 1);
  const Interval middle = cluster_bootstrap(values, labels, 1, 2000, 0.4);
  EXPECT_EQ(middle.low, 0.25);
  EXPECT_EQ(middle.high, 0.25);
}

TEST(ClusterBootstrap, OneClusterIsInfinite) {
  const std::vector<double> values = {1, 2, 3};
  const std::vector<std::int64_t> labels = {7, 7, 7};
  const Interval interval = cluster_bootstrap(values, labels, 1);
  EXPECT_EQ(interval.mean, 2);
  EXPECT_TRUE(std::isinf(interval.low) && std::isinf(interval.high));
}

}  // namespace
}  // namespace loopline::stats
