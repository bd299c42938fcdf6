#include "loopline/bandit/poisson_bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "bandit/worlds.h"
#include "loopline/bandit/difference.h"
#include "loopline/core/error.h"
#include "loopline/stats/moments.h"

namespace loopline::bandit {
namespace {

const std::vector<EstimatorChoice> kChoices = {{.kind = Estimator::kIps},
                                               {.kind = Estimator::kSnips},
                                               {.kind = Estimator::kBetaIps},
                                               {.kind = Estimator::kBetaIpsCrossFitted}};

PoissonBootstrap bootstrap_over(const WeightedRows& rows, std::size_t block,
                                BootstrapOptions options = {}) {
  PoissonBootstrap bootstrap(functionals_of(kChoices), options);
  for (const WeightedRows& part : blocks_of(rows, block)) {
    bootstrap.add(part, terms_of(kChoices, part));
  }
  return bootstrap;
}

Estimate estimate_of(const EstimatorChoice& choice, const WeightedRows& rows) {
  EstimateAccumulator accumulator(choice);
  accumulator.add(rows);
  return accumulator.finish();
}

stats::Moments moments_of(const std::vector<double>& values) {
  stats::Moments moments;
  for (const double value : values) moments.add(value);
  return moments;
}

std::vector<double> spreads(const WeightedRows& rows, int replicates) {
  const PoissonBootstrap bootstrap = bootstrap_over(rows, rows.size(), {.replicates = replicates});
  std::vector<double> result;
  for (std::size_t f = 0; f < kChoices.size(); ++f) {
    result.push_back(std::sqrt(moments_of(bootstrap.values(f)).sample_variance()));
  }
  return result;
}

void expect_spreads_near_errors(const WeightedRows& rows) {
  const std::vector<double> spread = spreads(rows, 2000);
  for (std::size_t f = 0; f < kChoices.size(); ++f) {
    const Estimate estimate = estimate_of(kChoices[f], rows);
    // The standard deviation of a spread over 2000 replicates is 1.6 %.
    EXPECT_NEAR(spread[f] / estimate.standard_error, 1, .06) << estimate.name;
  }
}

TEST(PoissonBootstrap, SpreadsEqualTheDeltaMethod) {
  expect_spreads_near_errors(SoftmaxWorld{.target_slope = 2}.draw(1, 1000));
}

TEST(PoissonBootstrap, MultiplicitiesAreSoManyIndependentRows) {
  WeightedRows rows = SoftmaxWorld{.target_slope = 2}.draw(2, 300);
  // Both samplers, by inversion and by rejection.
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows.multiplicity.push_back(i % 4 == 0 ? 1 : i % 4 == 1 ? 3.5 : i % 4 == 2 ? 12 : 400);
  }
  expect_spreads_near_errors(rows);
}

TEST(PoissonBootstrap, ClustersAreDrawnAsAWhole) {
  // Every row four times: as independent rows they would look twice as sure as they are.
  const WeightedRows once = SoftmaxWorld{.target_slope = 2}.draw(3, 500);
  WeightedRows rows;
  for (std::size_t i = 0; i < 4 * once.size(); ++i) {
    rows.weight.push_back(once.weight[i % 500]);
    rows.reward.push_back(once.reward[i % 500]);
    rows.cluster.push_back(static_cast<std::int64_t>(i % 500) - 250);
  }
  expect_spreads_near_errors(rows);
  EXPECT_NEAR(estimate_of(kChoices[0], rows).standard_error,
              estimate_of(kChoices[0], once).standard_error, 1e-12);
}

// Beside a row that stands for 1e12, the mean of an indicator tells the count of its row.
TEST(PoissonBootstrap, CountsHaveTheMomentsOfPoisson) {
  for (const double mean : {1.0, 3.5, 12.0, 400.0}) {
    stats::Moments counts;
    for (std::int64_t unit = 0; unit < 40; ++unit) {
      WeightedRows rows{.first_row = unit, .weight = {1}, .reward = {1}, .multiplicity = {mean}};
      WeightedRows huge{.first_row = 1000, .weight = {1}, .reward = {0}, .multiplicity = {1e12}};
      PoissonBootstrap bootstrap({functional_of(kChoices[0])}, {.replicates = 1000});
      bootstrap.add(rows, {terms_of(kChoices[0], rows)});
      bootstrap.add(huge, {terms_of(kChoices[0], huge)});
      for (const double value : bootstrap.values(0)) counts.add(value * 1e12);
    }
    const double deviation = std::sqrt(mean / 40000);
    EXPECT_NEAR(counts.mean(), mean, 4 * deviation + 1e-3 * mean / 400);
    EXPECT_NEAR(counts.population_variance() / mean, 1, .05);
  }
}

TEST(PoissonBootstrap, BlocksAndTheirMergingDoNotMatter) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 2}.draw(4, 600);
  const PoissonBootstrap whole = bootstrap_over(rows, 600);
  const PoissonBootstrap parts = bootstrap_over(rows, 128);
  PoissonBootstrap merged(functionals_of(kChoices), {});
  for (const WeightedRows& part : blocks_of(rows, 128)) {
    PoissonBootstrap alone(functionals_of(kChoices), {});
    alone.add(part, terms_of(kChoices, part));
    merged.merge(alone);
  }
  for (std::size_t f = 0; f < kChoices.size(); ++f) {
    EXPECT_EQ(parts.values(f), merged.values(f));
    for (std::size_t i = 0; i < 200; ++i) {
      EXPECT_NEAR(whole.values(f)[i], parts.values(f)[i], 1e-13);
    }
  }
}

TEST(PoissonBootstrap, SeedsChangeTheReplicates) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 2}.draw(5, 50);
  const auto values = [&](std::uint64_t seed) {
    return bootstrap_over(rows, 50, {.seed = seed}).values(0);
  };
  EXPECT_EQ(values(1), values(1));
  EXPECT_NE(values(1), values(2));
}

TEST(PoissonBootstrap, DifferencesShareRows) {
  const WeightedRows target = SoftmaxWorld{.target_slope = 1.2}.draw(6, 800);
  const WeightedRows production = SoftmaxWorld{.target_slope = 1}.draw(6, 800);
  DifferenceAccumulator accumulator;
  accumulator.add(target, production);
  PoissonBootstrap bootstrap({kDifferenceFunctional}, {.replicates = 2000});
  bootstrap.add(target, {difference_terms(target, production)});
  const double spread = std::sqrt(moments_of(bootstrap.values(0)).sample_variance());
  EXPECT_NEAR(spread / accumulator.finish().standard_error, 1, .06);
  const stats::Interval interval = bootstrap.finish(0, accumulator.finish());
  EXPECT_NEAR(interval.high - interval.low, 2 * 1.96 * spread, .3 * spread);
}

TEST(PoissonBootstrap, TooFewOrTooManyReplicatesAreErrors) {
  EXPECT_THROW(PoissonBootstrap({}, {.replicates = 1}), Error);
  EXPECT_THROW(PoissonBootstrap({}, {.replicates = (1 << 20) + 1}), Error);
}

}  // namespace
}  // namespace loopline::bandit
