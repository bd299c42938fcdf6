// The optimiser, the minibatches and the prompt order: what an update is made of.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "loopline/core/error.h"
#include "loopline/train/adamw.h"
#include "loopline/train/minibatch.h"
#include "loopline/train/prompt_order.h"

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
    optimizer.step(0.05);
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
  optimizer.step(0.1);
  std::map<std::string, at::Tensor> before;
  for (const auto& [name, tensor] : optimizer.state()) before.emplace(name, tensor.clone());
  const at::Tensor weight_before = weight.detach().clone();
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    set_gradient(weight, {0.1, bad});
    set_gradient(other, {0.3});
    optimizer.step(0.1);
  }
  EXPECT_TRUE(at::equal(weight.detach(), weight_before));
  for (const auto& [name, tensor] : optimizer.state()) {
    if (name == "skipped") continue;
    EXPECT_TRUE(at::equal(tensor, before.at(name))) << name;
  }
  EXPECT_EQ(optimizer.skipped(), 2);
}

TEST(AdamW, LeavesParametersWithoutGradientAlone) {
  at::Tensor used = parameter({1}), unused = parameter({5});
  AdamW optimizer({{"used", used}, {"unused", unused}}, {.weight_decay = 0.5});
  set_gradient(used, {1});
  optimizer.step(0.1);
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

MinibatchOptions options_of(bool whole_samples, double fraction, std::int64_t shards) {
  return {.seed = 5,
          .iteration = 2,
          .samples = 24,
          .group_size = 4,
          .steps = {0, 1, 2, 4},
          .timestep_fraction = fraction,
          .whole_samples = whole_samples,
          .shards = shards,
          .minibatches = 3};
}

std::set<std::pair<std::int64_t, std::int64_t>> all_pairs(
    const std::vector<std::vector<Pair>>& minibatches, std::size_t* count) {
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  *count = 0;
  for (const auto& minibatch : minibatches) {
    for (const Pair& pair : minibatch) seen.emplace(pair.sample, pair.step);
    *count += minibatch.size();
  }
  return seen;
}

TEST(Minibatches, HoldEveryPairOnceInEqualParts) {
  for (const bool whole : {false, true}) {
    const auto minibatches = make_minibatches(options_of(whole, 1, 1));
    std::size_t count = 0;
    EXPECT_EQ(all_pairs(minibatches, &count).size(), 96U);
    EXPECT_EQ(count, 96U);
    for (const auto& minibatch : minibatches) EXPECT_EQ(minibatch.size(), 32U);
  }
}

TEST(Minibatches, KeepASamplesStepsTogetherWhenAsked) {
  for (const auto& minibatch : make_minibatches(options_of(true, 1, 1))) {
    for (std::size_t i = 0; i < minibatch.size(); i += 4) {
      EXPECT_EQ(minibatch[i].sample, minibatch[i + 3].sample);
    }
  }
}

TEST(Minibatches, TakeTheAskedShareOfEachSamplesSteps) {
  std::size_t count = 0;
  const auto seen = all_pairs(make_minibatches(options_of(false, 0.5, 1)), &count);
  EXPECT_EQ(count, 48U);
  std::map<std::int64_t, int> per_sample, per_step;
  for (const auto& [sample, step] : seen) {
    ++per_sample[sample];
    ++per_step[step];
  }
  for (const auto& [sample, steps] : per_sample) EXPECT_EQ(steps, 2) << sample;
  EXPECT_EQ(per_step.size(), 4U) << "the subset differs between samples";
}

TEST(Minibatches, TakeAnEqualShareOfEachShard) {
  for (const auto& minibatch : make_minibatches(options_of(false, 1, 2))) {
    const auto first = std::count_if(minibatch.begin(), minibatch.end(),
                                     [](const Pair& pair) { return pair.sample < 12; });
    EXPECT_EQ(first, 16);
  }
}

TEST(Minibatches, AreAFunctionOfTheIteration) {
  MinibatchOptions options = options_of(false, 1, 1);
  const auto first = make_minibatches(options);
  EXPECT_EQ(first, make_minibatches(options));
  options.epoch = 1;
  EXPECT_NE(first, make_minibatches(options));
  options.epoch = 0;
  options.iteration = 3;
  EXPECT_NE(first, make_minibatches(options));
}

TEST(Minibatches, RefuseMoreUpdatesThanPairs) {
  MinibatchOptions options = options_of(true, 1, 1);
  options.minibatches = 25;
  EXPECT_THROW(make_minibatches(options), Error);
}

TEST(PromptOrder, GoesThroughTheFileInEpochs) {
  std::vector<std::int64_t> drawn;
  for (std::int64_t iteration = 0; iteration < 7; ++iteration) {
    const auto part = prompts_of_iteration(9, iteration, 4, 7);
    drawn.insert(drawn.end(), part.begin(), part.end());
  }
  for (std::size_t epoch = 0; epoch < 4; ++epoch) {
    const std::set<std::int64_t> seen(drawn.begin() + static_cast<std::ptrdiff_t>(7 * epoch),
                                      drawn.begin() + static_cast<std::ptrdiff_t>(7 * epoch + 7));
    EXPECT_EQ(seen.size(), 7U) << "epoch " << epoch;
  }
  EXPECT_NE(std::vector<std::int64_t>(drawn.begin(), drawn.begin() + 7),
            std::vector<std::int64_t>(drawn.begin() + 7, drawn.begin() + 14));
}

}  // namespace
}  // namespace loopline::train
