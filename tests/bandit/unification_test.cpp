// Gupta et al. (arXiv 2405.05736), section 3: estimators with a baseline have the same gradient.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "loopline/bandit/estimate.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

constexpr std::size_t kActions = 4;
constexpr std::size_t kFeatures = 3;
constexpr std::size_t kLogged = 60;

using Weights = std::vector<double>;  // of a linear softmax policy, action by action

struct SmallLog {
  std::vector<double> context, uniform;
  std::vector<std::size_t> action;

  SmallLog() : context(kLogged * kFeatures), uniform(2 * kLogged) {
    fill_uniform({.seed = 1}, context);
    fill_uniform({.seed = 2}, uniform);
    for (std::size_t i = 0; i < kLogged; ++i) {
      action.push_back(static_cast<std::size_t>(uniform[2 * i] * kActions));
    }
  }

  double probability(const Weights& weights, std::size_t row) const {
    double chosen = 0, sum = 0;
    for (std::size_t a = 0; a < kActions; ++a) {
      double score = 0;
      for (std::size_t j = 0; j < kFeatures; ++j) {
        score += weights[a * kFeatures + j] * context[row * kFeatures + j];
      }
      sum += std::exp(score);
      if (a == action[row]) chosen = std::exp(score);
    }
    return chosen / sum;
  }

  /// Rewards have `subtract` taken off them; the logging policy was uniform.
  WeightedRows rows(const Weights& weights, double model, double subtract) const {
    WeightedRows rows;
    for (std::size_t i = 0; i < kLogged; ++i) {
      rows.weight.push_back(probability(weights, i) * kActions);
      rows.reward.push_back((uniform[2 * i + 1] < .2 + .2 * action[i] ? 1 : 0) - subtract);
    }
    rows.model_logged.assign(kLogged, model);
    rows.model_policy.assign(kLogged, model);
    return rows;
  }
};

class Unification : public ::testing::Test {
 protected:
  Unification() : weights_(kActions * kFeatures) { fill_uniform({.seed = 3}, weights_); }

  static double value(const EstimatorChoice& choice, const WeightedRows& rows) {
    EstimateAccumulator accumulator(choice);
    accumulator.add(rows);
    return accumulator.finish().value;
  }

  // Central differences.
  std::vector<double> gradient(const std::function<double(const Weights&)>& objective) const {
    constexpr double kStep = 1e-5;
    std::vector<double> slope;
    for (std::size_t j = 0; j < weights_.size(); ++j) {
      Weights up = weights_, down = weights_;
      up[j] += kStep;
      down[j] -= kStep;
      slope.push_back((objective(up) - objective(down)) / (2 * kStep));
    }
    return slope;
  }

  std::vector<double> beta_gradient(double b) const {
    return gradient([this, b](const Weights& weights) {
      return value({.kind = Estimator::kBetaIps, .parameter = b}, log_.rows(weights, 0, 0));
    });
  }

  static void expect_equal(const std::vector<double>& a, const std::vector<double>& b,
                           double factor = 1) {
    double size = 0;
    for (std::size_t j = 0; j < a.size(); ++j) {
      EXPECT_NEAR(a[j], factor * b[j], 1e-9) << j;
      size = std::max(size, std::abs(a[j]));
    }
    EXPECT_GT(size, 1e-3);
  }

  SmallLog log_;
  Weights weights_;
};

TEST_F(Unification, BanditNetAndConstantModelsShareTheGradientOfTheBaseline) {
  constexpr double kB = .45;
  const std::vector<double> expected = beta_gradient(kB);
  // BanditNet (Joachims et al. 2018) maximises mean(w (r - lambda)).
  expect_equal(gradient([&](const Weights& weights) {
                 return value({.kind = Estimator::kIps}, log_.rows(weights, 0, kB));
               }),
               expected);
  expect_equal(gradient([&](const Weights& weights) {
                 return value({.kind = Estimator::kDr}, log_.rows(weights, kB, 0));
               }),
               expected);
}

TEST_F(Unification, SnipsHasTheGradientOfItsOwnValueAsBaselineOverTheMeanWeight) {
  const WeightedRows rows = log_.rows(weights_, 0, 0);
  const double snips = value({.kind = Estimator::kSnips}, rows);
  double mean_weight = 0;
  for (const double w : rows.weight) mean_weight += w / kLogged;
  EXPECT_GT(std::abs(mean_weight - 1), .003);  // else the factor would not show
  expect_equal(gradient([&](const Weights& weights) {
                 return value({.kind = Estimator::kSnips}, log_.rows(weights, 0, 0));
               }),
               beta_gradient(snips), 1 / mean_weight);
}

}  // namespace
}  // namespace loopline::bandit
