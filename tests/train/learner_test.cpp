#include "loopline/train/learner.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "learner_scene.h"

namespace loopline::train {
namespace {

TEST(Learner, RatioIsExactlyOneBeforeTheFirstUpdate) {
  for (const double guidance : {1.0, 3.0}) {
    for (const std::int64_t micro_batch : {8, 3}) {
      Scene scene(guidance, micro_batch);
      LearnerOptions options = clipped(2, micro_batch);
      options.guidance = guidance;
      const UpdateStatistics statistics = scene.update(options);
      EXPECT_EQ(statistics.ratio_deviation, 0)
          << "guidance " << guidance << ", rows " << micro_batch;
    }
  }
}

TEST(Learner, LoopWithOneUpdateEqualsRloo) {
  Scene loop, rloo;
  loop.update(clipped(1));
  LearnerOptions options = clipped(1);
  options.surrogate.kind = policy::SurrogateKind::kLogProb;
  rloo.update(options);
  EXPECT_TRUE(at::allclose(loop.weights(), rloo.weights(), 0, 1e-6));
  EXPECT_FALSE(at::allclose(loop.weights(), Scene().weights(), 0, 1e-4))
      << "an update changes something";
}

TEST(Learner, MicroBatchesAccumulateToOneLargeBatch) {
  // The gradient itself, not AdamW's normalised step, which would hide a wrong factor.
  const auto gradient = [](std::int64_t micro_batch) {
    Scene scene;
    return scene.update(clipped(1, micro_batch), 1e-12).grad_norm;
  };
  const double whole = gradient(24);
  EXPECT_GT(whole, 1e-4);
  EXPECT_NEAR(gradient(5), whole, 1e-5 * whole);
  EXPECT_NEAR(gradient(1), whole, 1e-5 * whole);
}

TEST(Learner, GradientIsThatOfTheMeanSurrogate) {
  // An independent computation: finite differences of the mean of -A rho over the noisy steps.
  Scene scene(1, 8, {"gain"});
  const auto objective = [&] {
    const at::NoGradGuard no_grad;
    double sum = 0;
    const std::vector<std::int64_t> steps = scene.transition.stochastic_steps();
    for (const std::int64_t i : steps) {
      const at::Tensor step = at::full({8}, i, at::kLong);
      const at::Tensor current = scene.experience.trajectory.latents.select(1, i);
      const at::Tensor output = scene.model.denoiser->predict(
          current, scene.transition.timesteps(step), scene.experience.conditional);
      const at::Tensor log_prob =
          scene.transition.log_prob(scene.experience.trajectory.latents.select(1, i + 1),
                                    scene.transition.mean(current, output, step), step);
      const at::Tensor ratio =
          at::exp((log_prob - scene.experience.trajectory.log_prob.select(1, i)).to(at::kDouble));
      sum += (-at::tensor(scene.experience.advantage, at::kDouble) * ratio).sum().item<double>();
    }
    return sum / static_cast<double>(8 * steps.size());
  };
  at::Tensor gain = scene.trainable.at("gain").detach();
  const double h = 1e-3;
  gain.add_(h);
  const double above = objective();
  gain.sub_(2 * h);
  const double below = objective();
  gain.add_(h);
  const double expected = std::abs(above - below) / (2 * h);
  EXPECT_NEAR(scene.update(clipped(1), 1e-12).grad_norm, expected, 0.02 * expected);
}

TEST(Learner, CountsClippedPairsOnBothSides) {
  Scene scene;
  LearnerOptions options = clipped(6);
  options.surrogate.clip_low = options.surrogate.clip_high = 1e-5;
  const UpdateStatistics statistics = scene.update(options, 0.05);
  EXPECT_GT(statistics.clip_fraction_high + statistics.clip_fraction_low, 0);
  EXPECT_LE(statistics.clip_fraction_high + statistics.clip_fraction_low, 1);
  EXPECT_GT(statistics.approx_kl, 0);
}

TEST(Learner, LeavesFrozenParametersAndGradientsClean) {
  Scene scene(1, 8, {"gain"});
  const at::Tensor mix = scene.model.denoiser->parameters().at("mix").clone();
  scene.update(clipped(2), 0.1);
  EXPECT_TRUE(at::equal(scene.model.denoiser->parameters().at("mix"), mix));
  EXPECT_FALSE(scene.trainable.at("gain").grad().defined());
}

}  // namespace
}  // namespace loopline::train
