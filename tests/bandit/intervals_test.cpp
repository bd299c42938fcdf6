#include "loopline/bandit/intervals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "bandit/worlds.h"
#include "loopline/bandit/confidence_sequence.h"
#include "loopline/bandit/poisson_bootstrap.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using ::testing::HasSubstr;

Estimate estimate_of(const EstimatorChoice& choice, const WeightedRows& rows) {
  EstimateAccumulator accumulator(choice);
  accumulator.add(rows);
  return accumulator.finish();
}

TEST(Intervals, NormalQuantilesMatchPublishedValues) {
  EXPECT_NEAR(normal_quantile(.975), 1.959963984540054, 1e-14);
  EXPECT_NEAR(normal_quantile(.5), 0, 1e-15);
  EXPECT_NEAR(normal_quantile(1e-9), -5.997807015007687, 1e-12);
}

// w r of the eight rows: 0, 0, .5, 1.5, 0, .25, 0, .75; sum of squares 3.125, so the sample
// variance is (3.125 - 8 * .375^2) / 7 = 2 / 7 and the standard error sqrt(2 / 56).
TEST(Intervals, EqualTheirFormulasOnTheWorkedExample) {
  const Estimate ips = estimate_of({.kind = Estimator::kIps}, eight_rows());
  const double error = std::sqrt(2.0 / 56);
  const auto half = [&](IntervalKind kind, std::optional<TermRange> range = std::nullopt) {
    const stats::Interval interval = closed_interval(ips, kind, .95, range);
    EXPECT_DOUBLE_EQ(interval.mean, .375);
    EXPECT_NEAR(interval.mean - interval.low, interval.high - interval.mean, 1e-12);
    return interval.high - interval.mean;
  };
  EXPECT_NEAR(half(IntervalKind::kNormal), 1.959963984540054 * error, 1e-12);
  EXPECT_NEAR(half(IntervalKind::kStudentT), 2.364624251592785 * error, 1e-9);
  const double log_term = std::log(80.0);
  EXPECT_NEAR(half(IntervalKind::kBernstein, TermRange{0, 3}),
              std::sqrt(2 * (2.0 / 7) * log_term / 8) + 7 * 3 * log_term / (3 * 7), 1e-12);
}

TEST(Intervals, SnipsHasTheDeltaMethod) {
  const Estimate snips = estimate_of({.kind = Estimator::kSnips}, eight_rows());
  // sum w^2 (r - 1/3)^2 = 4/9 * (.25 + 2.25 + .0625 + .5625) + (4 + 9 + 1) / 9, mean w 9/8.
  const double square = 4.0 / 9 * 3.125 + 14.0 / 9;
  const double error = std::sqrt(square / 7 / 8) / (9.0 / 8);
  EXPECT_NEAR(snips.standard_error, error, 1e-14);
  EXPECT_NEAR(closed_interval(snips, IntervalKind::kDelta).high,
              1.0 / 3 + 2.364624251592785 * error, 1e-9);
}

TEST(Intervals, ThoseThatAreNotValidAreRefusedByName) {
  const auto refusal = [](const EstimatorChoice& choice, IntervalKind kind) -> std::string {
    try {
      require_valid(choice, kind);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::kWrongUse);
      return error.what();
    }
    return "valid";
  };
  EXPECT_THAT(refusal({.kind = Estimator::kSnips}, IntervalKind::kBernstein),
              HasSubstr("interval 'bernstein': it is not valid for snips; choose one of delta, "
                        "bootstrap"));
  EXPECT_THAT(refusal({.kind = Estimator::kDr}, IntervalKind::kSequence),
              HasSubstr("choose one of normal, student_t, bootstrap, bernstein"));
  EXPECT_EQ(refusal({.kind = Estimator::kIps}, IntervalKind::kSequence), "valid");
  // A given b makes a mean of independent terms, a fitted one does not.
  EXPECT_EQ(refusal({.kind = Estimator::kBetaIps, .parameter = .2}, IntervalKind::kBernstein),
            "valid");
  EXPECT_THAT(refusal({.kind = Estimator::kBetaIps}, IntervalKind::kBernstein), HasSubstr("delta"));
  EXPECT_THROW(closed_interval(estimate_of({.kind = Estimator::kSnips}, eight_rows()),
                               IntervalKind::kNormal),
               Error);
}

TEST(Intervals, BernsteinNeedsARangeThatHoldsAndSingleRows) {
  const Estimate ips = estimate_of({.kind = Estimator::kIps}, eight_rows());
  EXPECT_THROW(closed_interval(ips, IntervalKind::kBernstein), Error);
  EXPECT_THROW(closed_interval(ips, IntervalKind::kBernstein, .95, TermRange{0, 1.4}), Error);
  WeightedRows clustered = eight_rows();
  clustered.cluster = {1, 1, 2, 2, 3, 3, 4, 4};
  EXPECT_THROW(closed_interval(estimate_of({.kind = Estimator::kIps}, clustered),
                               IntervalKind::kBernstein, .95, TermRange{0, 3}),
               Error);
}

bool is_infinite(const stats::Interval& interval) {
  return std::isinf(interval.low) && interval.low < 0 && std::isinf(interval.high) &&
         interval.high > 0;
}

stats::Interval bootstrap_of(const EstimatorChoice& choice, const WeightedRows& rows) {
  PoissonBootstrap bootstrap({functional_of(choice)}, {});
  bootstrap.add(rows, {terms_of(choice, rows)});
  return bootstrap.finish(0, estimate_of(choice, rows));
}

TEST(Intervals, OneUnitIsInfinite) {
  WeightedRows one = part_of(eight_rows(), 3, 4);
  WeightedRows cluster = eight_rows();
  cluster.cluster.assign(8, 5);
  for (const WeightedRows& rows : {one, cluster}) {
    const Estimate ips = estimate_of({.kind = Estimator::kIps}, rows);
    EXPECT_TRUE(is_infinite(closed_interval(ips, IntervalKind::kNormal)));
    EXPECT_TRUE(is_infinite(closed_interval(ips, IntervalKind::kStudentT)));
    EXPECT_TRUE(is_infinite(bootstrap_of({.kind = Estimator::kIps}, rows)));
    EXPECT_TRUE(is_infinite(
        closed_interval(estimate_of({.kind = Estimator::kSnips}, rows), IntervalKind::kDelta)));
  }
  EXPECT_TRUE(is_infinite(closed_interval(estimate_of({.kind = Estimator::kIps}, one),
                                          IntervalKind::kBernstein, .95, TermRange{0, 3})));
}

TEST(Intervals, AnUndefinedRatioIsInfinite) {
  WeightedRows rows = eight_rows();
  rows.weight.assign(8, 0);
  const Estimate snips = estimate_of({.kind = Estimator::kSnips}, rows);
  EXPECT_TRUE(is_infinite(closed_interval(snips, IntervalKind::kDelta)));
  EXPECT_TRUE(is_infinite(bootstrap_of({.kind = Estimator::kSnips}, rows)));
  const stats::Interval zero =
      closed_interval(estimate_of({.kind = Estimator::kIps}, rows), IntervalKind::kNormal);
  EXPECT_EQ(zero.low, 0);
  EXPECT_EQ(zero.high, 0);
}

TEST(Intervals, ManyRowsAreNormal) {
  EstimateAccumulator accumulator({.kind = Estimator::kIps});
  accumulator.add(eight_rows());
  for (int i = 0; i < 30; ++i) accumulator.merge(EstimateAccumulator(accumulator));
  const Estimate many = accumulator.finish();
  EXPECT_EQ(closed_interval(many, IntervalKind::kStudentT).high,
            closed_interval(many, IntervalKind::kNormal).high);
}

}  // namespace
}  // namespace loopline::bandit
