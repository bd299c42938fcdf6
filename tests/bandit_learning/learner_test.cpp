#include "loopline/bandit_learning/learner.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bandit_learning/learning_worlds.h"
#include "loopline/core/error.h"

namespace loopline::bandit_learning {
namespace {

const NetworkShape kShape{.features = 3, .hidden = {}, .actions = 4, .bias = true};
const NetworkShape kDeepShape{.features = 3, .hidden = {8}, .actions = 4, .bias = true};

LearnOptions options_of(Objective kind, std::int64_t epochs) {
  LearnOptions options;
  options.objective.kind = kind;
  options.batch = 256;
  options.epochs = epochs;
  options.lr = .02;
  return options;
}

TEST(Learner, StartsAsTheUniformPolicy) {
  const at::Tensor x = uniform_tensor(1, {5, 3}, -1, 1);
  for (const NetworkShape& shape : {kShape, kDeepShape}) {
    EXPECT_TRUE(
        SoftmaxNetwork(shape, 1).probabilities(x).equal(at::full({5, 4}, .25, at::kDouble)));
  }
}

// Two steps from 0 by hand: m / (1 - .9^t) over sqrt(v / (1 - .999^t)) + 1e-8.
TEST(Learner, StepsAreAdams) {
  const LogisticWorld world;
  const LearningRows rows = world.draw(1, 50);
  LearnOptions options = options_of(Objective::kIps, 2);
  options.batch = 0;
  options.weight_decay = .5;
  SoftmaxNetwork by_hand(kShape, 0);
  const at::Tensor theta = by_hand.parameters();
  at::Tensor m = at::zeros_like(theta), v = at::zeros_like(theta);
  for (int t = 1; t <= 2; ++t) {
    const at::Tensor g = objective_gradient(by_hand, rows, options.objective).gradient;
    m = .9 * m + .1 * g;
    v = .999 * v + .001 * g * g;
    const at::Tensor step =
        (m / (1 - std::pow(.9, t))) / ((v / (1 - std::pow(.999, t))).sqrt() + 1e-8);
    theta.copy_(theta - .02 * .5 * theta + .02 * step);
  }
  const Learned learned = learn(rows, kShape, options);
  EXPECT_LT((learned.network.parameters() - theta).abs().max().item<double>(), 1e-14);
}

TEST(Learner, ResumeEqualsStraightBitForBit) {
  const LearningRows rows = LogisticWorld{}.draw(2, 1000);
  for (const BaselineSource source : {BaselineSource::kPrevious, BaselineSource::kLeaveOneOut}) {
    LearnOptions options = options_of(Objective::kBetaIps, 6);
    options.objective.baseline = source;
    const Learned straight = learn(rows, kDeepShape, options);
    options.epochs = 3;
    Learner first(rows, kDeepShape, options);
    for (int i = 0; i < 3; ++i) first.epoch();
    Learner second(rows, kDeepShape, options);
    second.restore(first.tensors(), nlohmann::json::parse(first.numbers().dump()));
    for (int i = 3; i < 6; ++i) {
      const EpochTrace trace = *second.epoch();
      EXPECT_EQ(trace.epoch, i + 1);
      EXPECT_EQ(trace.gradient_variance, straight.trace[i].gradient_variance);
      EXPECT_EQ(trace.baseline, straight.trace[i].baseline);
    }
    EXPECT_TRUE(second.network().parameters().equal(straight.network.parameters()));
  }
}

TEST(Learner, AnInterruptedEpochHasNotHappened) {
  const LearningRows rows = LogisticWorld{}.draw(3, 1000);
  LearnOptions options = options_of(Objective::kBetaIps, 2);
  options.objective.baseline = BaselineSource::kPrevious;
  Learner learner(rows, kShape, options);
  learner.epoch();
  int batches = 0;
  EXPECT_FALSE(learner.epoch([&] { return ++batches == 3; }));
  EXPECT_EQ(learner.epochs(), 1);
  learner.epoch();
  EXPECT_TRUE(
      learner.network().parameters().equal(learn(rows, kShape, options).network.parameters()));
}

TEST(Learner, EveryObjectiveComesNearTheBestPolicyOfAWorld) {
  const LogisticWorld world{.logging_slope = -1};
  const at::Tensor x = uniform_tensor(77, {4000, 3}, -1, 1);
  const double best = std::get<0>(world.chance(x).max(1)).mean().item<double>();
  const double uniform = world.value(x, at::full({4000, 4}, .25, at::kDouble));
  EXPECT_GT(best, uniform + .2);
  for (const ObjectiveEntry& entry : objective_table()) {
    LearnOptions options = options_of(entry.kind, 40);
    options.objective.lambda = .6;
    const Learned learned = learn(world.draw(4, 20000, entry.needs_model), kShape, options);
    const double value = world.value(x, learned.network.probabilities(x));
    EXPECT_GT(value, best - .1 * (best - uniform)) << entry.name << " " << value << " of " << best;
  }
}

TEST(Learner, TheOptimalBaselineMakesGradientsVaryLess) {
  const LearningRows rows = LogisticWorld{.logging_slope = -1}.draw(5, 5000);
  const auto variance = [&](Objective kind) {
    return learn(rows, kDeepShape, options_of(kind, 20)).trace.back().gradient_variance;
  };
  EXPECT_LT(variance(Objective::kBetaIps), .5 * variance(Objective::kIps));
}

TEST(Learner, ListenersHearEveryEpochAndMayEndIt) {
  const LearningRows rows = LogisticWorld{}.draw(6, 300);
  std::vector<std::int64_t> heard;
  const Learned learned = learn(rows, kShape, options_of(Objective::kIps, 9),
                                [&](const Learner& learner, const EpochTrace& trace) {
                                  EXPECT_EQ(learner.epochs(), trace.epoch);
                                  heard.push_back(trace.epoch);
                                  return trace.epoch < 3;
                                });
  EXPECT_EQ(heard, (std::vector<std::int64_t>{1, 2, 3}));
  EXPECT_EQ(learned.trace.size(), 3U);
}

}  // namespace
}  // namespace loopline::bandit_learning
