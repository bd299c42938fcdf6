#include "loopline/bandit_learning/gradient.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "bandit_learning/learning_worlds.h"
#include "loopline/core/error.h"

namespace loopline::bandit_learning {
namespace {

const LogisticWorld kWorld;
const NetworkShape kLinear{.features = 3, .hidden = {}, .actions = 4, .bias = true};
const NetworkShape kPlain{.features = 3, .hidden = {}, .actions = 4, .bias = false};
const NetworkShape kDeep{.features = 3, .hidden = {5, 6}, .actions = 4, .bias = true};

class EveryShape : public ::testing::TestWithParam<NetworkShape> {};
INSTANTIATE_TEST_SUITE_P(Gradients, EveryShape, ::testing::Values(kLinear, kPlain, kDeep));

double largest_gap(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

/// Central differences of a function of the network's parameters.
at::Tensor slope_of(const SoftmaxNetwork& network, const std::function<double()>& objective) {
  constexpr double kStep = 1e-5;
  at::Tensor slope = at::zeros_like(network.parameters());
  for (std::int64_t j = 0; j < slope.numel(); ++j) {
    const at::Tensor one = network.parameters()[j];
    one.add_(kStep);
    const double up = objective();
    one.sub_(2 * kStep);
    slope[j] = (up - objective()) / (2 * kStep);
    one.add_(kStep);
  }
  return slope;
}

/// The values that the objectives maximise, written from their definitions.
struct Values {
  double ips = 0, snips = 0, weight = 0, dr = 0;
};

Values values_of(const SoftmaxNetwork& network, const LearningRows& rows) {
  const at::Tensor p = network.probabilities(rows.features);
  const at::Tensor action = rows.action.unsqueeze(1);
  const at::Tensor w = p.gather(1, action).squeeze(1) / rows.propensity;
  const at::Tensor count = rows.count.defined() ? rows.count : at::ones_like(w);
  const auto mean = [&](const at::Tensor& x) {
    return ((count * x).sum() / count.sum()).item<double>();
  };
  Values v{.ips = mean(w * rows.reward), .weight = mean(w)};
  v.snips = v.ips / v.weight;
  if (!rows.model.defined()) return v;
  const at::Tensor q = rows.model.gather(1, action).squeeze(1);
  v.dr = mean(w * (rows.reward - q) + (p * rows.model).sum(1));
  return v;
}

at::Tensor gradient_of(const SoftmaxNetwork& network, const LearningRows& rows,
                       const ObjectiveOptions& options) {
  return objective_gradient(network, rows, options).gradient;
}

TEST_P(EveryShape, EachObjectiveHasTheGradientOfItsValue) {
  const SoftmaxNetwork network = moved_network(GetParam());
  LearningRows rows = kWorld.draw(1, 40);
  rows.count = uniform_tensor(9, {40}, 1, 3).floor();
  const auto expect = [&](const ObjectiveOptions& options, const std::function<double()>& value) {
    const at::Tensor expected = slope_of(network, value);
    EXPECT_LT(largest_gap(gradient_of(network, rows, options), expected), 1e-9)
        << entry_of(options.kind).name;
    EXPECT_GT(expected.abs().max().item<double>(), 1e-3);
  };
  expect({.kind = Objective::kIps}, [&] { return values_of(network, rows).ips; });
  expect({.kind = Objective::kSnips}, [&] { return values_of(network, rows).snips; });
  expect({.kind = Objective::kBanditNet, .lambda = .7}, [&] {
    const Values v = values_of(network, rows);
    return v.ips - .7 * v.weight;
  });
  // The baseline is a constant to the gradient, whatever the parameters that it comes from.
  const double b = objective_gradient(network, rows, {.kind = Objective::kBetaIps}).baseline;
  EXPECT_GT(b, .1);
  expect({.kind = Objective::kBetaIps}, [&] {
    const Values v = values_of(network, rows);
    return b + v.ips - b * v.weight;
  });
  rows.model = kWorld.draw(1, 40, true).model;
  expect({.kind = Objective::kDr}, [&] { return values_of(network, rows).dr; });
}

TEST_P(EveryShape, SquaredNormsAreThoseOfRowsOneByOne) {
  const SoftmaxNetwork network = moved_network(GetParam());
  const LearningRows rows = kWorld.draw(2, 12, true);
  SoftmaxNetwork::Pass pass = network.forward(rows.features);
  network.backward(pass, uniform_tensor(3, {12, 4}, -1, 1));
  const at::Tensor norms = network.squared_norms(pass);
  for (std::int64_t i = 0; i < rows.size(); ++i) {
    at::Tensor only = at::zeros({12}, at::kDouble);
    only[i] = 1;
    const at::Tensor g = network.gradient(pass, only);
    EXPECT_NEAR(norms[i].item<double>(), g.dot(g).item<double>(), 1e-12);
  }
}

TEST_P(EveryShape, TheVarianceIsThatOfRowsOneByOne) {
  const SoftmaxNetwork network = moved_network(GetParam());
  for (const ObjectiveOptions options :
       {ObjectiveOptions{.kind = Objective::kBetaIps}, ObjectiveOptions{.kind = Objective::kDr}}) {
    const bool has_model = entry_of(options.kind).needs_model;
    const LearningRows rows = kWorld.draw(4, 30, has_model);
    const ObjectiveGradient whole = objective_gradient(network, rows, options);
    const ObjectiveOptions fixed =
        has_model ? options
                  : ObjectiveOptions{.kind = Objective::kBanditNet, .lambda = whole.baseline};
    at::Tensor mean = at::zeros_like(whole.gradient);
    double square = 0;
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      const at::Tensor g = gradient_of(network, rows.slice(i, 1), fixed);
      mean.add_(g, 1. / 30);
      square += g.dot(g).item<double>() / 30;
    }
    EXPECT_LT(largest_gap(mean, whole.gradient), 1e-14);
    EXPECT_NEAR(whole.variance(), (square - mean.dot(mean).item<double>()) / 30, 1e-14);
  }
}

// |grad_W pi_a|^2 = pi_a^2 |x|^2 (1 - 2 pi_a + sum_j pi_j^2).
TEST(Gradient, OfALinearPolicyHasAClosedForm) {
  const SoftmaxNetwork network = moved_network(kPlain);
  const LearningRows rows = kWorld.draw(3, 20);
  const at::Tensor p = network.probabilities(rows.features);
  const at::Tensor chosen = p.gather(1, rows.action.unsqueeze(1)).squeeze(1);
  const at::Tensor closed = chosen.square() * rows.features.square().sum(1) *
                            (1 - 2 * chosen + p.square().sum(1)) / rows.propensity.square();
  const double expected = ((closed * rows.reward).sum() / closed.sum()).item<double>();
  const ObjectiveGradient g = objective_gradient(network, rows, {.kind = Objective::kBetaIps});
  EXPECT_NEAR(g.baseline, expected, 1e-13);
  const at::Tensor c = rows.reward - expected;
  EXPECT_NEAR(g.mean_square, (closed * c * c).mean().item<double>(), 1e-13);
}

TEST_P(EveryShape, AtEqualBaselinesAllObjectivesAreOne) {
  const SoftmaxNetwork network = moved_network(GetParam());
  LearningRows rows = kWorld.draw(5, 50);
  const double snips = values_of(network, rows).snips;
  const double mean_weight = values_of(network, rows).weight;
  EXPECT_GT(std::abs(mean_weight - 1), .01);  // else the factor would not show
  const at::Tensor banditnet =
      gradient_of(network, rows, {.kind = Objective::kBanditNet, .lambda = snips});
  EXPECT_GT(banditnet.abs().max().item<double>(), 1e-3);
  EXPECT_LT(
      largest_gap(gradient_of(network, rows, {.kind = Objective::kSnips}) * mean_weight, banditnet),
      1e-14);
  // beta-IPS with the b of the batch before.
  const at::Tensor beta =
      objective_gradient(network, rows,
                         {.kind = Objective::kBetaIps, .baseline = BaselineSource::kPrevious},
                         snips)
          .gradient;
  EXPECT_LT(largest_gap(beta, banditnet), 1e-14);
  // DR with the constant model: its model part has no gradient.
  rows.model = at::full({50, 4}, snips, at::kDouble);
  EXPECT_LT(largest_gap(gradient_of(network, rows, {.kind = Objective::kDr}), banditnet), 1e-14);
  // IPS is all of them at 0.
  rows.model = at::Tensor();
  EXPECT_EQ(largest_gap(gradient_of(network, rows, {.kind = Objective::kIps}),
                        gradient_of(network, rows, {.kind = Objective::kBanditNet})),
            0);
}

TEST_P(EveryShape, TheOptimalBaselineHasTheSmallestGradients) {
  const SoftmaxNetwork network = moved_network(GetParam());
  const LearningRows rows = kWorld.draw(6, 60);
  const ObjectiveGradient best = objective_gradient(network, rows, {.kind = Objective::kBetaIps});
  const auto square = [&](double b) {
    return objective_gradient(network, rows, {.kind = Objective::kBanditNet, .lambda = b})
        .mean_square;
  };
  for (double b = -1; b <= 2; b += .01) EXPECT_LE(best.mean_square, square(b) + 1e-15) << b;
  EXPECT_LT(best.mean_square, square(best.baseline + .01));
  EXPECT_LT(best.mean_square, square(best.baseline - .01));
}

/// Two contexts, two actions, rewards 0 and 1: all eight rows there can be, with their chances.
struct TinyWorld {
  LearningRows rows;
  at::Tensor chance;

  TinyWorld() {
    rows.features = at::tensor({1., .5, 1., .5, 1., .5, 1., .5, -.4, 1., -.4, 1., -.4, 1., -.4, 1.},
                               at::kDouble)
                        .view({8, 2});
    rows.action = at::tensor({0, 0, 1, 1, 0, 0, 1, 1}, at::kLong);
    rows.reward = at::tensor({0., 1., 0., 1., 0., 1., 0., 1.}, at::kDouble);
    rows.propensity = at::tensor({.2, .2, .8, .8, .6, .6, .4, .4}, at::kDouble);
    const at::Tensor success = at::tensor({.3, .3, .7, .7, .5, .5, .1, .1}, at::kDouble);
    chance = 0.5 * rows.propensity * at::where(rows.reward > 0, success, 1 - success);
  }

  /// Expectation of an estimate over all logs of three rows.
  at::Tensor expectation(const std::function<at::Tensor(const LearningRows&)>& estimate) const {
    at::Tensor sum;
    for (std::int64_t log = 0; log < 512; ++log) {
      const at::Tensor index = at::tensor({log / 64, log / 8 % 8, log % 8}, at::kLong);
      const at::Tensor term = chance.index_select(0, index).prod() * estimate(rows.select(index));
      sum = sum.defined() ? sum + term : term;
    }
    return sum;
  }
};

TEST(Gradient, LeaveOneOutBaselinesAreUnbiasedAndThoseOfTheBatchAreNot) {
  const TinyWorld world;
  EXPECT_NEAR(world.chance.sum().item<double>(), 1, 1e-15);
  const SoftmaxNetwork network =
      moved_network({.features = 2, .hidden = {}, .actions = 2, .bias = true});
  const auto expected = [&](BaselineSource source, Objective kind) {
    return world.expectation([&](const LearningRows& log) {
      return gradient_of(network, log, {.kind = kind, .baseline = source});
    });
  };
  const at::Tensor truth = expected(BaselineSource::kBatch, Objective::kIps);
  EXPECT_GT(truth.abs().max().item<double>(), .01);
  EXPECT_LT(largest_gap(expected(BaselineSource::kLeaveOneOut, Objective::kBetaIps), truth), 1e-14);
  EXPECT_GT(largest_gap(expected(BaselineSource::kBatch, Objective::kBetaIps), truth), 1e-3);
}

TEST(Gradient, LeaveOneOutIsTheRatioWithoutTheRow) {
  const SoftmaxNetwork network = moved_network(kLinear);
  const LearningRows rows = kWorld.draw(7, 6);
  const ObjectiveOptions options{.kind = Objective::kBetaIps,
                                 .baseline = BaselineSource::kLeaveOneOut};
  at::Tensor expected = at::zeros_like(network.parameters());
  for (std::int64_t i = 0; i < 6; ++i) {
    std::vector<std::int64_t> others;
    for (std::int64_t j = 0; j < 6; ++j) {
      if (j != i) others.push_back(j);
    }
    const LearningRows rest = rows.select(at::tensor(others, at::kLong));
    const double b = objective_gradient(network, rest, {.kind = Objective::kBetaIps}).baseline;
    expected +=
        gradient_of(network, rows.slice(i, 1), {.kind = Objective::kBanditNet, .lambda = b});
  }
  EXPECT_LT(largest_gap(gradient_of(network, rows, options), expected / 6), 1e-14);
  // A row alone has no other to take a baseline from.
  EXPECT_EQ(largest_gap(gradient_of(network, rows.slice(0, 1), options),
                        gradient_of(network, rows.slice(0, 1), {.kind = Objective::kIps})),
            0);
}

TEST(Gradient, ManyRowsInPiecesGiveTheMeanOfTheirParts) {
  const SoftmaxNetwork network =
      moved_network({.features = 3, .hidden = {2100}, .actions = 4, .bias = true});
  const LearningRows rows = kWorld.draw(8, 300);  // 124 rows a piece
  for (const Objective kind : {Objective::kBetaIps, Objective::kSnips}) {
    const ObjectiveGradient whole = objective_gradient(network, rows, {.kind = kind});
    const double scale = kind == Objective::kSnips ? whole.mean_weight : 1;
    at::Tensor sum = at::zeros_like(whole.gradient);
    for (std::int64_t begin = 0; begin < 300; begin += 100) {
      sum += gradient_of(network, rows.slice(begin, 100),
                         {.kind = Objective::kBanditNet, .lambda = whole.baseline});
    }
    EXPECT_LT(largest_gap(whole.gradient * scale, sum / 3), 1e-13);
  }
}

TEST(Gradient, CountsAreSoManyRows) {
  const SoftmaxNetwork network = moved_network(kDeep);
  LearningRows rows = kWorld.draw(9, 3);
  const LearningRows repeated = rows.select(at::tensor({0, 1, 1, 1, 2, 2}, at::kLong));
  rows.count = at::tensor({1., 3., 2.}, at::kDouble);
  for (const Objective kind : {Objective::kIps, Objective::kSnips, Objective::kBetaIps}) {
    const ObjectiveGradient a = objective_gradient(network, rows, {.kind = kind});
    const ObjectiveGradient b = objective_gradient(network, repeated, {.kind = kind});
    EXPECT_LT(largest_gap(a.gradient, b.gradient), 1e-14);
    EXPECT_NEAR(a.variance(), b.variance(), 1e-14);
  }
}

TEST(Gradient, RowsOutOfRangeAreNamed) {
  const auto error = [&](auto change) -> std::string {
    LearningRows rows = kWorld.draw(10, 5);
    change(rows);
    try {
      check_rows(rows, kLinear, Objective::kIps);
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error([](LearningRows&) {}), "");
  EXPECT_EQ(error([](LearningRows& r) { r.action[3] = 4; }).find("row 3: the action"), 0U);
  EXPECT_EQ(error([](LearningRows& r) { r.propensity[2] = 0; }).find("row 2: the propens"), 0U);
  EXPECT_EQ(error([](LearningRows& r) { r.features[4][1] = NAN; }).find("row 4: holds"), 0U);
}

}  // namespace
}  // namespace loopline::bandit_learning
