#include "loopline/train/timestep_window.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learner_scene.h"
#include "loopline/core/error.h"
#include "loopline/run/metrics.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<std::int64_t> kSteps{0, 1, 2, 3, 4, 6};  // 5 draws no noise

TrainConfig::Window window(std::int64_t size, std::int64_t start, std::int64_t stride,
                           std::int64_t every = 1) {
  return {.size = size, .start = start, .stride = stride, .every = every};
}

TEST(TimestepWindow, WithoutASizeHoldsAllSteps) { EXPECT_EQ(window_steps({}, kSteps, 7), kSteps); }

TEST(TimestepWindow, StaysWithoutAStride) {
  for (const std::int64_t iteration : {0, 9}) {
    EXPECT_THAT(window_steps(window(2, 3, 0), kSteps, iteration), ElementsAre(3, 4));
  }
}

TEST(TimestepWindow, MovesTowardsTheImageAndStartsAgain) {
  std::vector<std::int64_t> firsts;
  for (std::int64_t i = 0; i < 14; ++i) {
    const auto steps = window_steps(window(3, 1, 2, 2), kSteps, i);
    EXPECT_EQ(steps.size(), 3U);
    firsts.push_back(steps.front());
  }
  // From 1: 1, 3; then from the noisiest: 0, 2; and again.
  EXPECT_THAT(firsts, ElementsAre(1, 1, 3, 3, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0));
  EXPECT_THAT(window_steps(window(3, 3, 0), kSteps, 0), ElementsAre(3, 4, 6));
}

TEST(TimestepWindow, MustFit) {
  EXPECT_THAT([] { window_steps(window(3, 4, 1), kSteps, 0); },
              ThrowsMessage<Error>(HasSubstr("steps 4 to 6 are asked for, and the sampler has 6")));
}

TEST(StepWeights, AreAllThatAStepCounts) {
  // A step of weight 0 is as if its pairs had advantage 0; ratios alone matter.
  const auto gradient = [](const std::vector<double>& weights,
                           const std::vector<std::int64_t>& steps) {
    Scene scene;
    scene.experience.steps = steps;
    LearnerOptions options = clipped(1);
    options.step_weights = weights;
    AdamW optimizer(scene.trainable, {.weight_decay = 0, .max_grad_norm = 1e9});
    Learner(*scene.model.denoiser, scene.transition, optimizer, options)
        .update(scene.experience, 0, 1e-12);
    return optimizer.state().at("exp_avg.mix").clone();  // (1 - beta1) x the gradient
  };
  const at::Tensor all = gradient({}, {});
  EXPECT_TRUE(at::allclose(gradient({2, 2, 2}, {}), all, 1e-5, 0));
  EXPECT_TRUE(at::allclose(gradient({0, 3, 0}, {}), gradient({}, {1}), 1e-4, 1e-9))
      << "mean weight 1, so one of three steps counts three times a third";
  EXPECT_FALSE(at::allclose(gradient({1, 2, 3}, {}), all, 1e-3, 0));
}

TEST(StepWeights, MustBeOneAStepWithNoise) {
  const auto world = testing::make_tiny_world("step_weights");
  EXPECT_THAT([&] { start(world, "run", {"learner.step_weights=[1, 2]"}); },
              ThrowsMessage<Error>(HasSubstr("has 2 weights, and the sampler ")));
  EXPECT_THAT([&] { start(world, "run", {"learner.step_weights=[0]"}); },
              ThrowsMessage<Error>(HasSubstr("are all 0")));
}

TEST(GradientSignal, TellsSignalFromNoise) {
  Scene scene(1, 2);
  const auto signals = [&](const std::vector<double>& advantage) {
    scene.experience.advantage = advantage;
    AdamW optimizer(scene.trainable, {});
    return Learner(*scene.model.denoiser, scene.transition, optimizer, clipped(1, 4))
        .gradient_signal(scene.experience);
  };
  scene.experience.steps = {0, 2};
  // Both groups see the same samples: what differs between the parts is nothing.
  auto& trajectory = scene.experience.trajectory;
  trajectory.latents.slice(0, 4, 8).copy_(trajectory.latents.slice(0, 0, 4));
  trajectory.log_prob.slice(0, 4, 8).copy_(trajectory.log_prob.slice(0, 0, 4));
  const at::Tensor first = at::arange(4, at::kLong).repeat({2});
  scene.experience.conditional = scene.experience.conditional.select(first);
  const at::Tensor before = scene.weights().clone();
  const auto alike = signals({1, -1, 2, 0.5, 1, -1, 2, 0.5});
  ASSERT_EQ(alike.size(), 2U);
  EXPECT_EQ(alike[0].step, 0);
  EXPECT_EQ(alike[1].step, 2);
  for (const StepSignal& step : alike) {
    EXPECT_GT(step.signal, 0);
    EXPECT_NEAR(step.noise, 0, 1e-6 * step.signal);
  }
  // Opposite gradients have nothing in common.
  for (const StepSignal& step : signals({1, -1, 2, 0.5, -1, 1, -2, -0.5})) {
    EXPECT_LT(step.signal, 0);
    EXPECT_NEAR(step.noise, -step.signal, 1e-5 * step.noise);
  }
  EXPECT_TRUE(at::equal(scene.weights(), before)) << "a measurement changes nothing";
  EXPECT_FALSE(scene.trainable.at("mix").grad().defined());
}

TEST(TimestepWindow, IsSampledWithoutNoiseOutsideAndResumes) {
  const auto world = testing::make_tiny_world("window");
  const std::vector<std::string> set{"sampler.steps=5",       "window.size=2",
                                     "window.stride=1",       "window.outside=deterministic",
                                     "ema.decay=0.9",         "kl.loss=0.1",
                                     "kl.reward=0.05",        "learner.gradient_signal_every=2",
                                     "ema.evaluate=true",     "evaluation.every=3",
                                     "rollout.micro_batch=16"};
  auto straight = set, cut = set;
  straight.push_back("iterations=6");
  cut.push_back("iterations=3");
  start(world, "straight", straight);
  start(world, "cut", cut);
  resume(world / "cut", {"iterations=6"});
  for (const char* file : {"trainable.safetensors", "optimizer.safetensors", "ema.safetensors"}) {
    EXPECT_EQ(sha256_file(world / "straight/checkpoints/00000006" / file),
              sha256_file(world / "cut/checkpoints/00000006" / file))
        << file;
  }
  for (const char* log : {"samples.jsonl", "evaluations.jsonl"}) {
    EXPECT_EQ(read_file(world / "straight" / log), read_file(world / "cut" / log)) << log;
  }
  const auto lines = run::MetricsLog::read(world / "straight/metrics.jsonl");
  EXPECT_TRUE(lines[0].contains("gradient/snr_step_01"));
  EXPECT_FALSE(lines[0].contains("gradient/snr_step_02")) << "the window is two steps";
  EXPECT_TRUE(lines[2].contains("gradient/snr_step_03")) << "and has moved by two";
  EXPECT_FALSE(lines[1].contains("gradient/snr_step_01"));
}

}  // namespace
}  // namespace loopline::train
