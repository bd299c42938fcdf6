#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "loopline/core/error.h"
#include "loopline/train/adamw.h"

namespace loopline::train {
namespace {

at::Tensor parameter(std::vector<double> values) {
  return at::tensor(values, at::kFloat).set_requires_grad(true);
}

void set_gradient(at::Tensor& parameter, const std::vector<double>& values) {
  parameter.mutable_grad() = at::tensor(values, at::kFloat);
}

/// AdamW as its paper writes it, in fp64.
struct ReferenceAdamW {
  AdamWOptions options;
  std::vector<double> weight, m, v;
  int steps = 0;

  void step(std::vector<double> gradient, double lr) {
    double norm = 0;
    for (const double g : gradient) norm += g * g;
    const double shrink = std::min(1.0, options.max_grad_norm / (std::sqrt(norm) + 1e-6));
    ++steps;
    for (std::size_t i = 0; i < weight.size(); ++i) {
      const double g = gradient[i] * shrink;
      m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
      v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
      const double m_hat = m[i] / (1 - std::pow(options.beta1, steps));
      const double v_hat = v[i] / (1 - std::pow(options.beta2, steps));
      weight[i] -= lr * options.weight_decay * weight[i];
      weight[i] -= lr * m_hat / (std::sqrt(v_hat) + options.eps);
    }
  }
};

TEST(AdamW, MatchesTheReferenceInDoublePrecision) {
  const AdamWOptions options{.weight_decay = 0.1, .max_grad_norm = 0.7};
  at::Tensor weight = parameter({1, -2, 0.5});
  AdamW optimizer({{"w", weight}}, options);
  ReferenceAdamW reference{options, {1, -2, 0.5}, {0, 0, 0}, {0, 0, 0}};
  for (int i = 0; i < 20; ++i) {
    const std::vector<double> gradient{std::sin(i), 0.01 * i, std::cos(3 * i)};
    set_gradient(weight, gradient);
    optimizer.step(0.05, at::zeros({}));
    reference.step(gradient, 0.05);
  }
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(weight[i].item<double>(), reference.weight[static_cast<std::size_t>(i)], 2e-6);
  }
  EXPECT_EQ(optimizer.skipped(), 0);
}

TEST(AdamW, ANonFiniteGradientChangesNothingAndIsCounted) {
  at::Tensor weight = parameter({1, 2}), other = parameter({3});
  AdamW optimizer({{"w", weight}, {"o", other}}, {});
  set_gradient(weight, {0.1, 0.2});
  set_gradient(other, {0.3});
  optimizer.step(0.1, at::zeros({}));
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, tensor] : optimizer.state()) before.emplace(name, tensor.clone());
  const at::Tensor weight_before = weight.detach().clone();
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    set_gradient(weight, {0.1, bad});
    set_gradient(other, {0.3});
    optimizer.step(0.1, at::zeros({}));
  }
  set_gradient(weight, {0.1, 0.2});
  set_gradient(other, {0.3});
  EXPECT_TRUE(optimizer.last_finite().logical_not().item<bool>());
  optimizer.step(0.1, at::full({}, std::nan("")));  // a loss whose gradient happens to be finite
  EXPECT_TRUE(at::equal(weight.detach(), weight_before));
  for (const auto& [name, tensor] : optimizer.state()) {
    if (name == "skipped") continue;
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
  }
  EXPECT_EQ(optimizer.skipped(), 3);
}

TEST(AdamW, LeavesParametersWithoutGradientAlone) {
  at::Tensor used = parameter({1}), unused = parameter({5});
  AdamW optimizer({{"used", used}, {"unused", unused}}, {.weight_decay = 0.5});
  set_gradient(used, {1});
  optimizer.step(0.1, at::zeros({}));
  EXPECT_NE(used.item<float>(), 1.0F);
  EXPECT_EQ(unused.item<float>(), 5.0F);
  EXPECT_EQ(optimizer.state().at("step.unused").item<float>(), 0.0F);
}

TEST(LearningRate, WarmsUpThenFallsToZero) {
  EXPECT_DOUBLE_EQ(learning_rate(2, "constant", 0, 4, 10), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(2, "constant", 3, 4, 10), 2);
  EXPECT_DOUBLE_EQ(learning_rate(2, "constant", 99, 4, 10), 2);
  EXPECT_DOUBLE_EQ(learning_rate(2, "cosine", 4, 4, 10), 2);
  EXPECT_NEAR(learning_rate(2, "cosine", 7, 4, 10), 1, 1e-12);
  EXPECT_NEAR(learning_rate(2, "cosine", 10, 4, 10), 0, 1e-12);
  EXPECT_NEAR(learning_rate(2, "cosine", 50, 4, 10), 0, 1e-12);
}

}  // namespace
}  // namespace loopline::train
