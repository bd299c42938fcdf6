#include "loopline/bandit/estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <string>

#include "bandit/worlds.h"
#include "loopline/bandit/baseline.h"
#include "loopline/bandit/difference.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/json.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Estimate estimate_of(const EstimatorChoice& choice, const WeightedRows& rows) {
  EstimateAccumulator accumulator(choice);
  accumulator.add(rows);
  return accumulator.finish();
}

double value_of(Estimator kind, const WeightedRows& rows) {
  return estimate_of({.kind = kind}, rows).value;
}

TEST(Estimate, EqualsTheWorkedExample) {
  const WeightedRows rows = eight_rows();
  EXPECT_DOUBLE_EQ(value_of(Estimator::kIps, rows), .375);
  EXPECT_DOUBLE_EQ(value_of(Estimator::kSnips, rows), 1.0 / 3);
  const Estimate fitted = estimate_of({.kind = Estimator::kBetaIps}, rows);
  EXPECT_NEAR(*fitted.baseline, -.0357142857, 5e-11);
  EXPECT_NEAR(fitted.value, .3794642857, 5e-11);
  EXPECT_EQ(fitted.rows, 8);
  EXPECT_THAT(fitted.notes, ElementsAre());
}

WeightedMoments baseline_moments(const WeightedRows& rows) {
  TermSample sample;
  sample.add(rows, terms_of({.kind = Estimator::kBetaIps}, rows));
  return sample.all();
}

TEST(Baseline, ThePaperFormEqualsTheWorkedExample) {
  const double b = paper_baseline(baseline_moments(eight_rows()));
  EXPECT_NEAR(b, .0153846154, 5e-11);
  const Estimate given = estimate_of({.kind = Estimator::kBetaIps, .parameter = b}, eight_rows());
  EXPECT_NEAR(given.value, .3730769231, 5e-11);
}

TEST(Baseline, ThePaperFormExplodesWhereTheCovarianceFormDoesNot) {
  // Three of four weights are below 1: the sum of w^2 - w is 2e-9.
  WeightedRows rows;
  rows.weight = {.5, .5, .5, 1.5 + 1e-9};
  rows.reward = {1, 0, 0, 1};
  const WeightedMoments moments = baseline_moments(rows);
  EXPECT_GT(std::abs(paper_baseline(moments)), 1e8);
  // Cov(w r, w) / Var(w) = (.40625 / 4 ..) by hand: mean w r 1/2, mean w 3/4, sums of products.
  EXPECT_NEAR(value_optimal_baseline(moments).value, (2.5 - 4 * .5 * .75) / (3 - 4 * .75 * .75),
              1e-8);
}

nlohmann::json golden() {
  const auto path =
      std::filesystem::path(LOOPLINE_SOURCE_DIR) / "tests" / "golden" / "bandit_estimators.json";
  return io::parse_json(read_file(path), path.string());
}

WeightedRows golden_rows(const nlohmann::json& data) {
  WeightedRows rows;
  rows.weight = data["columns"]["w"].get<std::vector<double>>();
  rows.reward = data["columns"]["r"].get<std::vector<double>>();
  rows.model_logged = data["columns"]["q"].get<std::vector<double>>();
  rows.model_policy = data["columns"]["v"].get<std::vector<double>>();
  return rows;
}

EstimatorChoice golden_choice(const nlohmann::json& data, const std::string& name) {
  EstimatorChoice choice;
  choice.kind = estimator_named(name == "beta_ips_given" ? "beta_ips" : name).kind;
  if (data["parameters"].contains(name)) choice.parameter = data["parameters"][name].get<double>();
  return choice;
}

// bandit_estimators.json is NumPy's (tests/golden/make_bandit_golden.py).
TEST(Estimate, EveryEstimatorEqualsNumpy) {
  const nlohmann::json data = golden();
  const WeightedRows once = golden_rows(data);
  WeightedRows repeated = once;
  repeated.multiplicity = data["multiplicity"].get<std::vector<double>>();
  std::size_t seen = 0;
  for (const auto& [rows, key] : {std::pair{once, "once"}, std::pair{repeated, "repeated"}}) {
    WeightedRows clustered = rows;
    clustered.cluster = data["cluster"].get<std::vector<std::int64_t>>();
    for (const auto& [name, expected] : data[key].items()) {
      const EstimatorChoice choice = golden_choice(data, name);
      const Estimate estimate = estimate_of(choice, rows);
      EXPECT_NEAR(estimate.value, expected["value"].get<double>(), 1e-14) << key << " " << name;
      EXPECT_NEAR(estimate.standard_error, expected["error"].get<double>(), 1e-14) << name;
      ++seen;
      // Folds of clusters go by a hash of their names.
      if (choice.kind == Estimator::kBetaIpsCrossFitted) continue;
      const Estimate between = estimate_of(choice, clustered);
      EXPECT_NEAR(between.value, estimate.value, 1e-14) << key << " " << name;
      EXPECT_NEAR(between.standard_error, expected["error_between_clusters"].get<double>(), 1e-14)
          << key << " " << name;
      EXPECT_EQ(between.units, 7);
    }
  }
  EXPECT_EQ(seen, 2 * (estimator_table().size() + 1));
}

TEST(Difference, EqualsNumpyAndIsZeroForEqualPolicies) {
  const nlohmann::json data = golden();
  const WeightedRows target = golden_rows(data);
  WeightedRows production = target;
  production.weight = data["production"].get<std::vector<double>>();
  DifferenceAccumulator accumulator;
  accumulator.add(target, production);
  const Estimate difference = accumulator.finish();
  EXPECT_NEAR(difference.value, data["difference"]["value"].get<double>(), 1e-14);
  EXPECT_NEAR(*difference.baseline, data["difference"]["baseline"].get<double>(), 1e-14);
  EXPECT_NEAR(difference.standard_error, data["difference"]["error"].get<double>(), 1e-14);

  DifferenceAccumulator same;
  same.add(target, target);
  EXPECT_EQ(same.finish().value, 0);
  EXPECT_EQ(same.finish().standard_error, 0);
  EXPECT_THAT(same.finish().notes, ElementsAre(HasSubstr("agree")));
}

TEST(Difference, IsSurerThanTheDifferenceOfTwoEstimates) {
  const SoftmaxWorld near{.target_slope = 1.1};
  const SoftmaxWorld far{.target_slope = 1};
  const WeightedRows target = near.draw(1, 4000);
  const WeightedRows production = far.draw(1, 4000);  // the same actions and rewards
  DifferenceAccumulator accumulator;
  accumulator.add(target, production);
  const Estimate difference = accumulator.finish();
  EXPECT_NEAR(difference.value, near.truth() - far.truth(), 4 * difference.standard_error);
  EXPECT_LT(20 * difference.standard_error,
            estimate_of({.kind = Estimator::kIps}, target).standard_error);
}

TEST(Estimate, ConstantModelsAreBaselines) {
  WeightedRows rows = eight_rows();
  rows.model_logged.assign(rows.size(), .3);
  rows.model_policy.assign(rows.size(), .3);
  EXPECT_DOUBLE_EQ(value_of(Estimator::kDr, rows),
                   estimate_of({.kind = Estimator::kBetaIps, .parameter = .3}, rows).value);
  EXPECT_DOUBLE_EQ(value_of(Estimator::kSndr, rows), value_of(Estimator::kSnips, rows));
}

TEST(Estimate, ExtremeParametersAreOtherEstimators) {
  WeightedRows rows = SoftmaxWorld{.target_slope = 3}.draw(1, 50);
  const auto with = [&](Estimator kind, double parameter) {
    return estimate_of({.kind = kind, .parameter = parameter}, rows).value;
  };
  const double ips = value_of(Estimator::kIps, rows);
  const double dr = value_of(Estimator::kDr, rows);
  const double dm = value_of(Estimator::kDm, rows);
  EXPECT_DOUBLE_EQ(with(Estimator::kClippedIps, 1e9), ips);
  EXPECT_DOUBLE_EQ(with(Estimator::kSubGaussianIps, 0), ips);
  EXPECT_DOUBLE_EQ(with(Estimator::kSwitchDr, 1e9), dr);
  EXPECT_DOUBLE_EQ(with(Estimator::kSwitchDr, 1e-9), dm);
  EXPECT_NEAR(with(Estimator::kShrinkageDr, 1e12), dr, 1e-9);
  EXPECT_NEAR(with(Estimator::kShrinkageDr, 1e-12), dm, 1e-9);
  EXPECT_DOUBLE_EQ(with(Estimator::kBetaIps, 0), ips);
}

TEST(Estimate, FittedBaselinesVaryLeast) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 3}.draw(2, 500);
  const Estimate fitted = estimate_of({.kind = Estimator::kBetaIps}, rows);
  for (const double step : {-.1, -.01, .01, .1}) {
    const Estimate other =
        estimate_of({.kind = Estimator::kBetaIps, .parameter = *fitted.baseline + step}, rows);
    EXPECT_GT(other.standard_error, fitted.standard_error) << step;
  }
}

// n Var[V_b] = Var(w r) - 2 b Cov(w r, w) + b^2 Var(w), and what SNIPS has above the best b is
// (b_v - V)^2 Var(w), once its factor 1 / mean w is taken off.
TEST(Estimate, VariancesFollowTheQuadraticOfTheBaseline) {
  const WeightedRows rows = SoftmaxWorld{.target_slope = 3}.draw(4, 300);
  const WeightedMoments moments = baseline_moments(rows);
  const auto scaled_square = [](const Estimate& estimate) {  // divided by n as moments are
    return 299 * estimate.standard_error * estimate.standard_error;
  };
  for (const double b : {-.5, .2, 1.0}) {
    EXPECT_NEAR(scaled_square(estimate_of({.kind = Estimator::kBetaIps, .parameter = b}, rows)),
                moments.variance(kProduct) - 2 * b * moments.covariance(kProduct, kControl) +
                    b * b * moments.variance(kControl),
                1e-12);
  }
  const Estimate best = estimate_of({.kind = Estimator::kBetaIps}, rows);
  const Estimate snips = estimate_of({.kind = Estimator::kSnips}, rows);
  const double weight = moments.mean(kControl);
  EXPECT_NEAR(weight * weight * scaled_square(snips) - scaled_square(best),
              std::pow(*best.baseline - snips.value, 2) * moments.variance(kControl), 1e-12);
}

TEST(Estimate, EqualWeightsFallBackToTheMeanReward) {
  WeightedRows rows = eight_rows();
  rows.weight.assign(8, .1);  // whose sums round
  for (const Estimator kind : {Estimator::kBetaIps, Estimator::kBetaIpsCrossFitted}) {
    const Estimate estimate = estimate_of({.kind = kind}, rows);
    EXPECT_NEAR(*estimate.baseline, .625, .1);
    EXPECT_THAT(estimate.notes, ElementsAre(HasSubstr("all weights are equal")));
  }
  EXPECT_DOUBLE_EQ(*estimate_of({.kind = Estimator::kBetaIps}, rows).baseline, .625);
  rows.weight.assign(8, 1);
  EXPECT_DOUBLE_EQ(value_of(Estimator::kBetaIps, rows), .625);
}

TEST(Estimate, OnlyZeroWeightsLeaveRatiosUndefined) {
  WeightedRows rows = eight_rows();
  rows.weight.assign(8, 0);
  EXPECT_EQ(value_of(Estimator::kIps, rows), 0);
  const Estimate snips = estimate_of({.kind = Estimator::kSnips}, rows);
  EXPECT_TRUE(std::isnan(snips.value));
  EXPECT_TRUE(std::isinf(snips.standard_error));
  EXPECT_THAT(snips.notes, ElementsAre(HasSubstr("sum to 0")));
  // Nothing is known of the policy: what remains is the guess.
  EXPECT_DOUBLE_EQ(value_of(Estimator::kBetaIps, rows), .625);
}

TEST(Estimate, TinyWeightsAreNotZero) {
  WeightedRows rows = eight_rows();
  for (double& w : rows.weight) w *= 1e-140;
  EXPECT_NEAR(value_of(Estimator::kSnips, rows), 1.0 / 3, 1e-15);
  EXPECT_NEAR(*estimate_of({.kind = Estimator::kBetaIps}, rows).baseline, -.0357142857, 5e-11);
}

TEST(Estimate, AnEmptyLogIsAFailureAndOneRowKnowsNoSpread) {
  for (const EstimatorEntry& entry : estimator_table()) {
    EstimatorChoice choice{.kind = entry.kind};
    if (entry.parameter.required) choice.parameter = 1;
    EstimateAccumulator accumulator(choice);
    accumulator.add({});
    try {
      accumulator.finish();
      ADD_FAILURE() << entry.name;
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    }
    accumulator.add({.weight = {2}, .reward = {1}, .model_logged = {.5}, .model_policy = {.5}});
    EXPECT_TRUE(std::isfinite(accumulator.finish().value)) << entry.name;
    EXPECT_TRUE(std::isinf(accumulator.finish().standard_error)) << entry.name;
  }
}

TEST(Estimate, NumbersThatAreNoneAreRefusedWithTheirRow) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EstimateAccumulator accumulator({.kind = Estimator::kIps});
  const auto message = [&](const WeightedRows& rows) -> std::string {
    try {
      accumulator.add(rows);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message({.first_row = 40, .weight = {1, nan}, .reward = {1, 1}}),
              HasSubstr("row 41"));
  EXPECT_THAT(message({.weight = {-1}, .reward = {1}}), HasSubstr("the weight is -1"));
  EXPECT_THAT(message({.weight = {1}, .reward = {INFINITY}}), HasSubstr("the reward"));
  EXPECT_THAT(message({.weight = {1}, .reward = {1}, .multiplicity = {0}}), HasSubstr("multipl"));
  EXPECT_THAT(message({.weight = {1}, .reward = {1}, .model_policy = {nan}}), HasSubstr("model"));
  EXPECT_THROW(accumulator.add({.weight = {1, 2}, .reward = {1}}), std::logic_error);
}

TEST(Estimate, BlocksMergedInOrderGiveTheSameBits) {
  WeightedRows rows = SoftmaxWorld{.target_slope = 3}.draw(3, 700);
  for (const bool clustered : {false, true}) {
    for (std::size_t i = 0; clustered && i < rows.size(); ++i) {
      rows.cluster.push_back(static_cast<std::int64_t>(i * 37 % 91));
    }
    for (const EstimatorEntry& entry : estimator_table()) {
      EstimatorChoice choice{.kind = entry.kind};
      if (entry.parameter.required) choice.parameter = .9;
      EstimateAccumulator straight(choice);
      EstimateAccumulator merged(choice);
      for (const WeightedRows& block : blocks_of(rows, 128)) {
        straight.add(block);
        EstimateAccumulator alone(choice);
        alone.add(block);
        merged.merge(alone);
      }
      EXPECT_EQ(straight.finish().value, merged.finish().value) << entry.name;
      EXPECT_EQ(straight.finish().standard_error, merged.finish().standard_error) << entry.name;
      const Estimate whole = estimate_of(choice, rows);
      EXPECT_NEAR(straight.finish().value, whole.value, 1e-13) << entry.name;
      EXPECT_NEAR(straight.finish().standard_error, whole.standard_error, 1e-13) << entry.name;
    }
  }
}

TEST(Estimate, BillionsOfRowsEqualTheFewThatTheyRepeat) {
  for (const Estimator kind : {Estimator::kIps, Estimator::kSnips, Estimator::kBetaIps}) {
    EstimateAccumulator accumulator({.kind = kind});
    accumulator.add(eight_rows());
    const Estimate few = accumulator.finish();
    for (int i = 0; i < 30; ++i) accumulator.merge(EstimateAccumulator(accumulator));
    const Estimate many = accumulator.finish();
    EXPECT_EQ(many.rows, 8 * std::exp2(30));
    EXPECT_NEAR(many.value, few.value, 1e-14);
    // Of s / sqrt(n), the 7 = n - 1 of s^2 becomes n.
    EXPECT_NEAR(many.standard_error * std::exp2(15) / (few.standard_error * std::sqrt(7.0 / 8)), 1,
                1e-9);
  }
}

TEST(Estimators, TheTableIsInOrderAndNamesRoundTrip) {
  for (const EstimatorEntry& entry : estimator_table()) {
    EXPECT_EQ(&entry_of(entry.kind), &entry);
    EXPECT_EQ(estimator_named(entry.name).kind, entry.kind);
  }
  for (const IntervalEntry& entry : interval_table()) {
    EXPECT_EQ(interval_named(entry.name), entry.kind);
  }
  try {
    estimator_named("ipw");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("dm, ips, clipped_ips, snips, dr, sndr, switch_dr, "
                                        "shrinkage_dr, sub_gaussian_ips, beta_ips, "
                                        "beta_ips_cross_fitted"));
    EXPECT_EQ(error.exit_code(), ExitCode::kWrongUse);
  }
}

TEST(Estimators, WrongParametersAndMissingModelsAreErrors) {
  EXPECT_THROW(check_choice({.kind = Estimator::kClippedIps}), Error);
  EXPECT_THROW(check_choice({.kind = Estimator::kClippedIps, .parameter = 0}), Error);
  EXPECT_THROW(check_choice({.kind = Estimator::kSubGaussianIps, .parameter = 1.1}), Error);
  EXPECT_THROW(check_choice({.kind = Estimator::kBetaIps, .parameter = NAN}), Error);
  EXPECT_THROW(check_choice({.kind = Estimator::kIps, .parameter = 1}), Error);
  EXPECT_THROW(check_choice({.kind = Estimator::kBetaIpsCrossFitted, .folds = 1}), Error);
  EXPECT_NO_THROW(check_choice({.kind = Estimator::kBetaIps, .parameter = -2}));
  EXPECT_THROW(value_of(Estimator::kDr, eight_rows()), Error);
  EXPECT_THROW(value_of(Estimator::kDm, eight_rows()), Error);
}

TEST(TermSample, FoldsOfClustersAreWholeAndAboutEqual) {
  WeightedRows rows;
  rows.reward.assign(4000, 0);
  for (std::int64_t i = 0; i < 4000; ++i) rows.cluster.push_back(i / 2 * 1024);
  std::vector<int> sizes(5);
  for (std::size_t i = 0; i < 4000; ++i) {
    ++sizes[fold_of(rows, i, 5)];
    EXPECT_EQ(fold_of(rows, i, 5), fold_of(rows, i / 2 * 2, 5));
  }
  for (const int size : sizes) EXPECT_NEAR(size, 800, 160);  // standard deviation 36
}

TEST(TermSample, ClustersMustBeThereAlwaysOrNever) {
  EstimateAccumulator accumulator({.kind = Estimator::kIps});
  accumulator.add({.weight = {1}, .reward = {1}});
  EXPECT_THROW(accumulator.add({.weight = {1}, .reward = {1}, .cluster = {3}}), std::logic_error);
}

}  // namespace
}  // namespace loopline::bandit
