// Logs that break estimators: no spread of the weights, all of the weight in one row, denominators
// near 0, a billion rows.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bandit/worlds.h"
#include "loopline/bandit/baseline.h"
#include "loopline/bandit/confidence_sequence.h"
#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/estimate.h"
#include "loopline/bandit/intervals.h"
#include "loopline/bandit/poisson_bootstrap.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

Estimate estimate_of(Estimator kind, const WeightedRows& rows) {
  EstimateAccumulator accumulator({.kind = kind});
  accumulator.add(rows);
  return accumulator.finish();
}

Diagnostics diagnostics_of(const WeightedRows& rows) {
  DiagnosticsAccumulator accumulator;
  accumulator.add(rows);
  return accumulator.finish();
}

/// How far the mean weight is from 1, in its standard errors: what the verdict looks at.
double weight_errors(const WeightedRows& rows) {
  const Diagnostics d = diagnostics_of(rows);
  return std::abs(d.mean_weight - 1) / d.mean_weight_error;
}

/// beta_ips with the baseline of the published form, sum (w^2 - w) r / sum (w^2 - w).
double paper_value(const WeightedRows& rows) {
  TermSample sample;
  sample.add(rows, terms_of({.kind = Estimator::kBetaIps}, rows));
  const WeightedMoments moments = sample.all();
  return moments.mean(kProduct) + paper_baseline(moments) * (1 - moments.mean(kControl));
}

// |b (1 - mean w)| <= sd(w r) / sd(w) |1 - mean w|, by Cauchy and Schwarz: in standard errors of
// ips, beta_ips is no farther from ips than the mean weight is from 1 in its own. So where the
// verdict lets a mean weight pass, no fitted baseline can explode. The published form can: its
// denominator is 0 where the mean of w^2 is that of w.
TEST(HardCases, AnExplodingBaselineIsImpossibleUnlessTheMeanWeightIsOff) {
  double published = 0, ours = 0;  // distances from ips in its standard errors
  for (std::uint32_t run = 0; run < 2000; ++run) {
    const WeightedRows rows = ParetoWorld{}.draw(run, 30);
    const double off = weight_errors(rows);
    const Estimate ips = estimate_of(Estimator::kIps, rows);
    const double from_ips = std::abs(estimate_of(Estimator::kBetaIps, rows).value - ips.value);
    ASSERT_LE(from_ips, ips.standard_error * off * (1 + 1e-9)) << run;
    if (off > VerdictThresholds{}.unusable_weight_errors) continue;
    ours = std::max(ours, from_ips / ips.standard_error);
    published = std::max(published, std::abs(paper_value(rows) - ips.value) / ips.standard_error);
  }
  std::printf(
      "[ baseline ] standard errors from ips, most of 2000 logs: published form %.4g, "
      "covariance form %.4g\n",
      published, ours);
  EXPECT_GT(published, 50);
  EXPECT_LE(ours, 4);
}

TEST(HardCases, ADenominatorOfAlmostZeroIsNotOurs) {
  // Three of four weights are below 1, and the sum of w^2 - w is 2e-9.
  WeightedRows rows;
  for (int copy = 0; copy < 100; ++copy) {
    for (const double w : {.5, .5, .5, 1.5 + 1e-9}) rows.weight.push_back(w);
    for (const double r : {1, 0, 0, 1}) rows.reward.push_back(r);
  }
  EXPECT_GT(std::abs(paper_value(rows)), 1e7);
  const Estimate beta = estimate_of(Estimator::kBetaIps, rows);
  EXPECT_NEAR(beta.value, .5 + 4. / 3 * .25, 1e-8);
  EXPECT_LT(beta.standard_error, .05);
  // Such a sum means that the mean weight is far below 1, which is what is reported.
  const Verdict verdict = judge(diagnostics_of(rows));
  EXPECT_EQ(verdict.level, VerdictLevel::kUnusable);
  EXPECT_THAT(verdict.reasons, Contains(HasSubstr("standard errors")));
}

// Var(w) is 1e-18 and not 0, so b is fitted, to noise. Around a mean of 1 that does no harm; around
// .9 the value is one of noise, and the verdict says so.
TEST(HardCases, NearlyEqualWeightsHarmOnlyWhereTheyAreNot1) {
  const WeightedRows world = SoftmaxWorld{}.draw(6, 500);
  std::vector<double> noise(500);
  fill_uniform({.seed = 31}, noise);
  double mean = 0;
  for (const double z : noise) mean += z / 500;
  for (const double center : {1., .9}) {
    WeightedRows rows = world;
    for (std::size_t i = 0; i < 500; ++i) rows.weight[i] = center + 1e-9 * (noise[i] - mean);
    const Estimate ips = estimate_of(Estimator::kIps, rows);
    const Estimate beta = estimate_of(Estimator::kBetaIps, rows);
    const Verdict verdict = judge(diagnostics_of(rows));
    if (center == 1) {
      EXPECT_NEAR(beta.value, ips.value, 1e-6);
      EXPECT_NEAR(beta.value, diagnostics_of(rows).mean_reward, 1e-6);
      EXPECT_EQ(verdict.level, VerdictLevel::kUsable);
    } else {
      EXPECT_EQ(verdict.level, VerdictLevel::kUnusable);
      EXPECT_THAT(verdict.reasons, Contains(HasSubstr("mean weight 0.9")));
    }
  }
}

TEST(HardCases, OneWeightOf21739IsFiniteEverywhere) {
  for (const double reward : {0., 1.}) {
    WeightedRows rows = SoftmaxWorld{.target_slope = 1}.draw(1, 5000);
    rows.weight[1234] = 21739;
    rows.reward[1234] = reward;
    for (const EstimatorEntry& entry : estimator_table()) {
      EstimatorChoice choice{.kind = entry.kind};
      if (entry.parameter.required) choice.parameter = entry.parameter.highest == 1 ? .1 : 10;
      EstimateAccumulator accumulator(choice);
      accumulator.add(rows);
      const Estimate estimate = accumulator.finish();
      EXPECT_TRUE(std::isfinite(estimate.value)) << entry.name;
      EXPECT_TRUE(std::isfinite(estimate.standard_error)) << entry.name;
      PoissonBootstrap bootstrap({functional_of(choice)}, {});
      bootstrap.add(rows, {terms_of(choice, rows)});
      const stats::Interval interval = bootstrap.finish(0, estimate);
      EXPECT_TRUE(std::isfinite(interval.low) && std::isfinite(interval.high)) << entry.name;
    }
    // 21739 / 5000 and about .5 from all other rows; its interval says that this is one draw.
    const Estimate ips = estimate_of(Estimator::kIps, rows);
    EXPECT_NEAR(ips.value, 21739 * reward / 5000 + .5, .1);
    if (reward == 1) {
      EXPECT_LT(closed_interval(ips, IntervalKind::kStudentT).low, 0);
    }
    // The row is 81 % of all weight, and so of what snips says.
    EXPECT_NEAR(estimate_of(Estimator::kSnips, rows).value, .81 * reward + .19 * .5, .02);
    ConfidenceSequence sequence;
    sequence.add(rows);
    const stats::Interval always = sequence.finish(ips);
    EXPECT_LE(always.low, .55);
    EXPECT_GE(always.high, .45);
  }
}

/// Sums of integers k = 64 w and r in {0, 1}, exact.
struct ExactSums {
  __extension__ using Integer = __int128;
  Integer rows = 0, k = 0, kr = 0, kk = 0, kkr = 0;

  void add(Integer weight, bool rewarded) {
    rows += 1, k += weight, kk += weight * weight;
    if (rewarded) kr += weight, kkr += weight * weight;
  }
  /// rows^2 times the variances and the covariance of k r and k.
  Integer product_variance() const { return rows * kkr - kr * kr; }
  Integer variance() const { return rows * kk - k * k; }
  Integer covariance() const { return rows * kkr - kr * k; }
};

// A thousand rows a million times over, the largest weight 21739, against integer arithmetic: ten
// digits would be lost in sums of squares.
TEST(HardCases, ABillionRowsEqualExactArithmetic) {
  std::vector<double> uniform(2000);
  fill_uniform({.seed = 32}, uniform);
  WeightedRows rows;
  ExactSums sums;
  for (std::size_t i = 0; i < 1000; ++i) {
    const long k = i == 500 ? 64 * 21739 : static_cast<long>(30 / std::sqrt(1 - uniform[2 * i]));
    const bool rewarded = i == 500 || uniform[2 * i + 1] < .3;
    rows.weight.push_back(static_cast<double>(k) / 64);
    rows.reward.push_back(rewarded ? 1 : 0);
    sums.add(k, rewarded);
  }
  constexpr long kRepeats = 1'000'000;
  constexpr long double kRows = 1e9L;
  const auto repeated = [](auto block) {  // by doubling, a bit of kRepeats after the other
    auto total = block;
    bool is_empty = true;
    for (long left = kRepeats; left > 0; left /= 2) {
      if (left % 2 == 1) {
        is_empty ? void(total = block) : total.merge(block);
        is_empty = false;
      }
      block.merge(decltype(block)(block));
    }
    return total;
  };
  const auto many = [&](Estimator kind) {
    EstimateAccumulator accumulator({.kind = kind});
    accumulator.add(rows);
    return repeated(accumulator).finish();
  };
  const auto real = [](ExactSums::Integer value) { return static_cast<long double>(value); };
  const long double n = real(sums.rows), scale = 64;
  const long double freedom = std::sqrt(kRows - 1);
  // `lost`: variance of w r over what a ratio or a baseline leaves of it, whose digits are gone.
  const auto expect_equal = [](double found, long double exact, const char* what,
                               long double lost = 1) {
    const long double tolerance = std::max(1e-12L, 1e-14L * lost);
    EXPECT_NEAR(static_cast<double>(found / exact), 1, static_cast<double>(tolerance)) << what;
  };

  const Estimate ips = many(Estimator::kIps);
  EXPECT_EQ(ips.rows, 1e9);
  expect_equal(ips.value, real(sums.kr) / n / scale, "ips");
  expect_equal(ips.standard_error, std::sqrt(real(sums.product_variance())) / n / scale / freedom,
               "error of ips");

  const Estimate snips = many(Estimator::kSnips);
  expect_equal(snips.value, real(sums.kr) / real(sums.k), "snips");
  // (sum k)^2 times the sum of the squares of k (r - value).
  const ExactSums::Integer square =
      sums.k * sums.k * sums.kkr - 2 * sums.kr * sums.k * sums.kkr + sums.kr * sums.kr * sums.kk;
  expect_equal(snips.standard_error,
               std::sqrt(real(square) / n) / real(sums.k) / (real(sums.k) / n) / freedom,
               "error of snips", real(sums.k) * real(sums.k) * real(sums.kkr) / real(square));

  const Estimate beta = many(Estimator::kBetaIps);
  const long double b = real(sums.covariance()) / real(sums.variance());
  expect_equal(*beta.baseline, b, "b");
  expect_equal(beta.value, real(sums.kr) / n / scale + b * (n * scale - real(sums.k)) / n / scale,
               "beta_ips");
  const ExactSums::Integer left =
      sums.product_variance() * sums.variance() - sums.covariance() * sums.covariance();
  expect_equal(
      beta.standard_error, std::sqrt(real(left) / real(sums.variance())) / n / scale / freedom,
      "error of beta_ips", real(sums.product_variance()) * real(sums.variance()) / real(left));

  DiagnosticsAccumulator weights;
  weights.add(rows);
  const Diagnostics d = repeated(weights).finish();
  expect_equal(d.effective_rows, kRepeats * real(sums.k) * real(sums.k) / real(sums.kk), "rows");
  expect_equal(d.largest_share, 64 * 21739 / (real(sums.k) * kRepeats), "largest share");
}

}  // namespace
}  // namespace loopline::bandit
