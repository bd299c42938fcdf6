#include "loopline/bandit/weighted_moments.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

std::vector<Terms> random_terms(std::size_t count, const Terms& offset) {
  std::vector<double> uniform(3 * count);
  fill_uniform({.seed = 5}, uniform);
  std::vector<Terms> terms(count);
  for (std::size_t i = 0; i < count; ++i) {
    terms[i] = {offset[0] + uniform[3 * i], offset[1] + uniform[3 * i] * uniform[3 * i + 1],
                offset[2] + uniform[3 * i + 2]};
  }
  return terms;
}

WeightedMoments moments_of(const std::vector<Terms>& terms, std::size_t from, std::size_t to) {
  ShiftedSums sums(terms.at(from));
  for (std::size_t i = from; i < to; ++i) sums.add(terms[i], 1);
  return sums.moments();
}

// Two passes in long double.
long double covariance_of(const std::vector<Terms>& terms, Term a, Term b) {
  long double mean_a = 0, mean_b = 0, sum = 0;
  for (const Terms& row : terms) mean_a += row[a], mean_b += row[b];
  mean_a /= terms.size(), mean_b /= terms.size();
  for (const Terms& row : terms) sum += (row[a] - mean_a) * (row[b] - mean_b);
  return sum / terms.size();
}

TEST(WeightedMoments, MatchBruteForceFarFromZero) {
  const std::vector<Terms> terms = random_terms(1000, {1e6, -1e7, 3});
  const WeightedMoments moments = moments_of(terms, 0, terms.size());
  for (const Term a : {kPlain, kProduct, kControl}) {
    for (const Term b : {kPlain, kProduct, kControl}) {
      EXPECT_NEAR(moments.covariance(a, b), covariance_of(terms, a, b), 1e-9) << a << " " << b;
    }
  }
  Terms difference = {1, -1, 0};
  const double square = moments.variance(kPlain) + moments.variance(kProduct) -
                        2 * moments.covariance(kPlain, kProduct);
  EXPECT_NEAR(moments.centred_square(difference), 1000 * square, 1e-9);
}

TEST(WeightedMoments, MergingPartsEqualsOnePass) {
  const std::vector<Terms> terms = random_terms(101, {-3, 0, 3});
  const WeightedMoments straight = moments_of(terms, 0, 101);
  for (const std::size_t cut : {1, 37, 100}) {
    WeightedMoments merged = moments_of(terms, 0, cut);
    merged.merge(moments_of(terms, cut, 101));
    merged.merge({});
    EXPECT_EQ(merged.count(), 101);
    EXPECT_NEAR(merged.mean(kProduct), straight.mean(kProduct), 1e-14);
    EXPECT_NEAR(merged.covariance(kProduct, kControl), straight.covariance(kProduct, kControl),
                1e-14);
  }
}

TEST(WeightedMoments, CountsStandForRepeatedRows) {
  const std::vector<Terms> terms = random_terms(20, {0, 1, 2});
  std::vector<Terms> repeated;
  ShiftedSums sums({.5, 1, 2});
  for (std::size_t i = 0; i < terms.size(); ++i) {
    sums.add(terms[i], static_cast<double>(i % 3));
    repeated.insert(repeated.end(), i % 3, terms[i]);
  }
  const WeightedMoments moments = sums.moments();
  const WeightedMoments brute = moments_of(repeated, 0, repeated.size());
  EXPECT_EQ(moments.count(), brute.count());
  EXPECT_NEAR(moments.mean(kPlain), brute.mean(kPlain), 1e-15);
  EXPECT_NEAR(moments.covariance(kPlain, kProduct), brute.covariance(kPlain, kProduct), 1e-15);
}

// Sums of squares would keep four digits of this variance: mean 1e6, spread 1, 1e9 rows.
TEST(WeightedMoments, ABillionRowsKeepTheirDigits) {
  const WeightedMoments pattern = moments_of(random_terms(64, {1e6, 0, 1}), 0, 64);
  WeightedMoments block = pattern;
  for (int i = 0; i < 10; ++i) block.merge(WeightedMoments(block));  // 65,536 rows
  EXPECT_NEAR(block.variance(kPlain), pattern.variance(kPlain), 1e-12);

  constexpr int kBlocks = 15300;
  WeightedMoments total;
  long double shift_sum = 0, shift_square = 0;
  for (int i = 0; i < kBlocks; ++i) {
    const double shift = (i * 7 % 13) / 16.0;
    shift_sum += shift;
    shift_square += static_cast<long double>(shift) * shift;
    Terms mean = block.means();
    mean[kPlain] += shift;
    mean[kProduct] += shift;
    total.merge({block.count(),
                 mean,
                 {{{block.variance(kPlain) * block.count(),
                    block.covariance(kPlain, kProduct) * block.count(), 0},
                   {block.covariance(kPlain, kProduct) * block.count(),
                    block.variance(kProduct) * block.count(), 0},
                   {0, 0, 0}}}});
  }
  const long double shift_mean = shift_sum / kBlocks;
  const double between = shift_square / kBlocks - shift_mean * shift_mean;
  EXPECT_EQ(total.count(), 65536.0 * kBlocks);
  EXPECT_NEAR(total.mean(kPlain), block.mean(kPlain) + static_cast<double>(shift_mean), 1e-8);
  EXPECT_NEAR(total.mean(kProduct), block.mean(kProduct) + static_cast<double>(shift_mean), 1e-13);
  EXPECT_NEAR(total.variance(kPlain), block.variance(kPlain) + between, 1e-8);
  EXPECT_NEAR(total.variance(kProduct), block.variance(kProduct) + between, 1e-12);
  EXPECT_NEAR(total.covariance(kPlain, kProduct), block.covariance(kPlain, kProduct) + between,
              1e-10);
}

TEST(WeightedMoments, AreZeroWithoutRows) {
  WeightedMoments none;
  none.merge({});
  EXPECT_EQ(none.count(), 0);
  EXPECT_EQ(none.variance(kControl), 0);
  EXPECT_EQ(ShiftedSums({1, 2, 3}).moments().mean(kPlain), 0);
}

}  // namespace
}  // namespace loopline::bandit
