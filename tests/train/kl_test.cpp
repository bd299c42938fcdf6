#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "learner_scene.h"
#include "loopline/core/error.h"
#include "loopline/run/metrics.h"
#include "loopline/train/reference_distance.h"
#include "quiet_runs.h"

namespace loopline::train {
namespace {

LearnerOptions with_kl(double weight) {
  LearnerOptions options = clipped(1);
  options.kl_weight = weight;
  return options;
}

/// A scene whose weights have left the reference; only KL is in its loss.
struct Departed {
  Scene scene;
  denoiser::Reference reference;

  Departed() : reference(*scene.model.denoiser, scene.trainable) {
    scene.experience.advantage.assign(8, 0.0);
    for (const auto& [name, tensor] : scene.trainable) tensor.detach().add_(0.05);
  }

  /// The mean KL of the pairs, as it is before the update.
  double kl() { return scene.update(with_kl(1), 1e-12, &reference).reference_kl; }
};

TEST(KlInTheLoss, WeightZeroIsNoKl) {
  Scene without, with;
  denoiser::Reference reference(*with.model.denoiser, with.trainable);
  without.update(clipped(4));
  const UpdateStatistics statistics = with.update(
      [] {
        LearnerOptions options = clipped(4);
        options.kl_weight = 0;
        return options;
      }(),
      0.01, &reference);
  EXPECT_TRUE(at::equal(without.weights(), with.weights()));
  EXPECT_EQ(statistics.reference_kl, 0);
}

TEST(KlInTheLoss, IsZeroAtTheReferenceAndChangesNothingThere) {
  Scene without, with;
  denoiser::Reference reference(*with.model.denoiser, with.trainable);
  without.update(clipped(1));
  const UpdateStatistics statistics = with.update(with_kl(3), 0.01, &reference);
  EXPECT_EQ(statistics.reference_kl, 0);
  EXPECT_TRUE(at::equal(without.weights(), with.weights()))
      << "the gradient of a quadratic is 0 at its minimum";
}

TEST(KlInTheLoss, EqualsItsFormulaOverAllPairs) {
  Departed departed;
  const double reported = departed.kl();
  const Scene& scene = departed.scene;
  const Scene origin;  // the same network with the reference's weights
  double sum = 0;
  const at::NoGradGuard no_grad;
  const std::vector<std::int64_t> steps = scene.transition.stochastic_steps();
  for (const std::int64_t i : steps) {
    const at::Tensor step = at::full({8}, i, at::kLong);
    const at::Tensor current = scene.experience.trajectory.latents.select(1, i);
    const auto mean_of = [&](const Scene& which) {
      return which.transition
          .mean(current,
                which.model.denoiser->predict(current, which.transition.timesteps(step),
                                              scene.experience.conditional),
                step)
          .to(at::kDouble);
    };
    const double sigma = scene.transition.steps()[static_cast<std::size_t>(i)].noise_sigma;
    sum += ((mean_of(scene) - mean_of(origin)).square().flatten(1).mean(1) / (2 * sigma * sigma))
               .sum()
               .item<double>();
  }
  EXPECT_GT(reported, 1e-4);
  EXPECT_NEAR(reported, sum / static_cast<double>(8 * steps.size()), 1e-4 * reported);
}

TEST(KlInTheLoss, GradientIsThatOfFiniteDifferences) {
  Departed departed;
  std::vector<double> expected;
  double squares = 0;
  for (const auto& [name, parameter] : departed.scene.trainable) {
    const at::Tensor flat = parameter.detach().flatten();
    for (std::int64_t i = 0; i < flat.numel(); ++i) {
      const at::Tensor element = flat.select(0, i);
      const double h = 1e-2;
      element.add_(h);
      const double above = departed.kl();
      element.sub_(2 * h);
      const double below = departed.kl();
      element.add_(h);
      expected.push_back((above - below) / (2 * h));
      squares += expected.back() * expected.back();
    }
  }
  const double weight = 2.5;
  const at::Tensor before = departed.scene.weights().clone();
  const UpdateStatistics statistics =
      departed.scene.update(with_kl(weight), 1e-3, &departed.reference);
  EXPECT_NEAR(statistics.grad_norm, weight * std::sqrt(squares), 0.02 * statistics.grad_norm);
  // AdamW's first step is the sign of each element of the gradient.
  const at::Tensor moved = departed.scene.weights() - before;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (std::abs(expected[i]) < 1e-3 * std::sqrt(squares)) continue;
    EXPECT_LT(moved[static_cast<std::int64_t>(i)].item<double>() * expected[i], 0) << i;
  }
}

TEST(ReferenceDistance, IsTheMeanLogRatioOfTheTrainedSteps) {
  Scene scene(1, 4);
  scene.experience.steps = {0, 2};
  denoiser::Reference reference(*scene.model.denoiser, scene.trainable);
  const auto measure = [&](std::int64_t rows) {
    return reference_log_ratio(*scene.model.denoiser, reference, scene.transition, scene.experience,
                               1, 4, rows);
  };
  EXPECT_EQ(measure(8).abs().max().item<double>(), 0) << "the policy is the reference";

  // Another policy drew the trajectory, so its log-probabilities stand for the policy's.
  scene.experience.trajectory.log_prob.add_(0.25);
  const at::Tensor distance = measure(4);
  EXPECT_EQ(distance.sizes(), at::IntArrayRef({4, scene.transition.num_steps()}));
  for (const std::int64_t step : {0, 2}) {
    EXPECT_NEAR((distance.select(1, step) - 0.25).abs().max().item<double>(), 0, 1e-6);
  }
  EXPECT_EQ(distance.select(1, 1).abs().max().item<double>(), 0) << "not trained on";
}

TEST(KlInTheReward, IsTakenFromTheAdvantagesAndNotFromTheLog) {
  const auto world = testing::make_tiny_world("kl_reward");
  start(world, "without", {"iterations=3", "kl.images=32"});
  start(world, "with", {"iterations=3", "kl.reward=5"});
  const auto without = run::MetricsLog::read(world / "without" / "metrics.jsonl");
  const auto with = run::MetricsLog::read(world / "with" / "metrics.jsonl");
  ASSERT_EQ(with.size(), 3U);
  EXPECT_EQ(with[0]["kl/penalty"], 0) << "nothing has moved yet";
  EXPECT_EQ(with[0]["reward/mean"], without[0]["reward/mean"]);
  EXPECT_EQ(with[1]["reward/mean"], without[1]["reward/mean"]) << "the log's reward is without it";
  EXPECT_EQ(with[1]["kl/mean"], without[1]["kl/mean"]) << "one update, the same";
  // Once a trajectory: the weight times the sum over the steps, which kl/mean averages.
  const double steps = with[1]["kl/nats"].get<double>() / with[1]["kl/mean"].get<double>() / 48;
  EXPECT_NEAR(with[1]["kl/penalty"].get<double>(), 5 * steps * with[1]["kl/mean"].get<double>(),
              1e-12);
  EXPECT_NE(with[2]["reward/mean"], without[2]["reward/mean"]) << "the second update differs";
}

TEST(KlInTheReward, HoldsThePolicyNearItsReference) {
  const auto world = testing::make_tiny_world("kl_reward_holds");
  const auto distance = [&](const char* run, const char* weight) {
    start(world, run,
          {"iterations=20", std::string("kl.reward=") + weight, "kl.images=32", "samples.every=0"});
    double sum = 0;
    for (const auto& line : run::MetricsLog::read(world / run / "metrics.jsonl")) {
      if (line["iteration"] > 10) sum += line["kl/mean"].get<double>();
    }
    return sum;
  };
  EXPECT_LT(distance("held", "1"), distance("free", "0") / 2);
}

TEST(KlInTheReward, CannotBePartOfRewardsWithAnAdvantageEach) {
  const auto world = testing::make_tiny_world("kl_per_reward");
  EXPECT_THAT(
      [&] {
        start(world, "run", {"kl.reward=1", "advantage.per_reward=true"});
      },
      ::testing::ThrowsMessage<Error>(::testing::HasSubstr("kl.reward")));
}

}  // namespace
}  // namespace loopline::train
