#include "loopline/stats/moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "loopline/core/random.h"

namespace loopline::stats {
namespace {

std::vector<double> draws(std::size_t count, double shift) {
  std::vector<double> values(count);
  fill_uniform({.seed = 11}, values);
  for (double& value : values) value += shift;
  return values;
}

Moments over(const std::vector<double>& values, std::size_t from, std::size_t to) {
  Moments moments;
  for (std::size_t i = from; i < to; ++i) moments.add(values[i]);
  return moments;
}

// Two passes in long double.
long double centred_square_sum(const std::vector<double>& values) {
  long double mean = 0;
  for (const double value : values) mean += value;
  mean /= values.size();
  long double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum;
}

TEST(Moments, MatchBruteForceFarFromZero) {
  // A sum of squares would lose every digit of the variance here.
  const std::vector<double> values = draws(1000, 1e8);
  const Moments moments = over(values, 0, values.size());
  const double squares = static_cast<double>(centred_square_sum(values));
  EXPECT_EQ(moments.count(), 1000);
  EXPECT_NEAR(moments.population_variance(), squares / 1000, 1e-8);
  EXPECT_NEAR(moments.sample_variance(), squares / 999, 1e-8);
  EXPECT_NEAR(moments.standard_error(), std::sqrt(squares / 999 / 1000), 1e-8);
}

TEST(Moments, MergingBlocksEqualsOnePass) {
  const std::vector<double> values = draws(101, -3);
  const Moments straight = over(values, 0, 101);
  for (const std::size_t cut : {0, 1, 37, 100, 101}) {
    Moments merged = over(values, 0, cut);
    merged.merge(over(values, cut, 101));
    EXPECT_EQ(merged.count(), 101);
    EXPECT_NEAR(merged.mean(), straight.mean(), 1e-14);
    EXPECT_NEAR(merged.sample_variance(), straight.sample_variance(), 1e-14);
  }
}

TEST(Moments, FewValuesHaveNoVariance) {
  Moments moments;
  EXPECT_EQ(moments.mean(), 0);
  EXPECT_EQ(moments.population_variance(), 0);
  moments.add(5);
  EXPECT_EQ(moments.mean(), 5);
  EXPECT_EQ(moments.sample_variance(), 0);
  EXPECT_EQ(moments.standard_error(), 0);
}

}  // namespace
}  // namespace loopline::stats
