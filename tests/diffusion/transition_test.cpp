#include "loopline/diffusion/transition.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <thread>
#include <vector>

#include "diffusion/specs.h"
#include "loopline/core/random.h"

namespace loopline::diffusion {
namespace {

using io::PredictionType;

constexpr PredictionType kPredictions[] = {PredictionType::kEpsilon, PredictionType::kVPrediction,
                                           PredictionType::kSample};

at::Tensor normal(std::uint32_t slot, const std::vector<std::int64_t>& shape) {
  at::Tensor values = at::empty(shape, at::kFloat);
  fill_normal({.seed = 23, .slot = slot},
              {values.mutable_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  return values;
}

at::Tensor steps_of_rows(const std::vector<std::int64_t>& steps) {
  return at::tensor(steps, at::kLong);
}

// A network that knows x0 and eps, in each of its three languages.
at::Tensor output_of(PredictionType prediction, const at::Tensor& x0, const at::Tensor& eps,
                     const Step& step) {
  if (prediction == PredictionType::kEpsilon) return eps;
  if (prediction == PredictionType::kSample) return x0;
  return std::sqrt(step.alpha_t) * eps - std::sqrt(1 - step.alpha_t) * x0;
}

TEST(Mean, IsOfTheTrueImageAndNoiseForEveryPredictionType) {
  const at::Tensor x0 = normal(0, {1, 2, 3, 4});
  const at::Tensor eps = normal(1, {1, 2, 3, 4});
  for (const PredictionType prediction : kPredictions) {
    const Transition transition(stable_diffusion_schedule(), prediction,
                                stable_diffusion_transition());
    for (const std::int64_t i : {0, 25, 49}) {
      const Step& step = transition.steps()[static_cast<std::size_t>(i)];
      const at::Tensor latents = std::sqrt(step.alpha_t) * x0 + std::sqrt(1 - step.alpha_t) * eps;
      const at::Tensor output = output_of(prediction, x0, eps, step);
      const at::Tensor expected = std::sqrt(step.alpha_s) * x0 + step.direction * eps;
      const at::Tensor mean = transition.mean(latents, output, steps_of_rows({i}));
      EXPECT_LT((mean - expected).abs().max().item<double>(), 5e-6) << i;
    }
  }
}

TEST(Mean, ClampsTheImageAndRecomputesTheNoise) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.clip_sample = true;
  spec.clip_sample_range = 0.5;
  const at::Tensor x0 = normal(0, {1, 2, 3, 4});
  const at::Tensor eps = normal(1, {1, 2, 3, 4});
  for (const PredictionType prediction : kPredictions) {
    const Transition transition(stable_diffusion_schedule(), prediction, spec);
    const Step& step = transition.steps()[25];
    const at::Tensor latents = std::sqrt(step.alpha_t) * x0 + std::sqrt(1 - step.alpha_t) * eps;
    const at::Tensor clamped = x0.clamp(-0.5, 0.5);
    const at::Tensor noise =
        (latents - std::sqrt(step.alpha_t) * clamped) / std::sqrt(1 - step.alpha_t);
    const at::Tensor expected = std::sqrt(step.alpha_s) * clamped + step.direction * noise;
    const at::Tensor mean =
        transition.mean(latents, output_of(prediction, x0, eps, step), steps_of_rows({25}));
    EXPECT_LT((mean - expected).abs().max().item<double>(), 5e-6);
  }
}

TEST(Mean, GradientByEpsilonIsTheFormulaAndTheFiniteDifference) {
  const Transition transition(stable_diffusion_schedule(), PredictionType::kEpsilon,
                              stable_diffusion_transition());
  const at::Tensor latents = normal(2, {3, 1, 2, 2});
  const at::Tensor step = steps_of_rows({0, 24, 48});
  const at::Tensor eps = normal(3, {3, 1, 2, 2}).requires_grad_();
  transition.mean(latents, eps, step).sum().backward();
  const float h = 0.5F;  // the mean is linear in eps: a wide difference is exact
  const at::Tensor difference = (transition.mean(latents, eps.detach() + h, step) -
                                 transition.mean(latents, eps.detach() - h, step)) /
                                (2 * h);
  for (std::int64_t row = 0; row < 3; ++row) {
    const Step& s = transition.steps()[static_cast<std::size_t>(row * 24)];
    const double expected =
        s.direction - std::sqrt(s.alpha_s) * std::sqrt(1 - s.alpha_t) / std::sqrt(s.alpha_t);
    EXPECT_NEAR(eps.grad()[row].max().item<double>(), expected, 1e-6);
    EXPECT_NEAR(eps.grad()[row].min().item<double>(), expected, 1e-6);
    EXPECT_NEAR(difference[row].max().item<double>(), expected, 1e-5);
  }
}

TEST(Rows, MixStepsWithoutTouchingEachOther) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.last_step_noise = false;
  const Transition transition(stable_diffusion_schedule(), PredictionType::kVPrediction, spec);
  const at::Tensor latents = normal(4, {4, 2, 3, 3});
  const at::Tensor output = normal(5, {4, 2, 3, 3});
  const at::Tensor noise = normal(6, {4, 2, 3, 3});
  const at::Tensor step = steps_of_rows({49, 0, 7, 7});
  const at::Tensor mean = transition.mean(latents, output, step);
  const at::Tensor next = transition.sample(mean, noise, step);
  const at::Tensor log_prob = transition.log_prob(next, mean, step);
  EXPECT_TRUE(transition.timesteps(step).equal(steps_of_rows({1, 981, 841, 841})));
  for (std::int64_t row = 0; row < 4; ++row) {
    const at::Tensor one = step.narrow(0, row, 1);
    const at::Tensor own_mean =
        transition.mean(latents.narrow(0, row, 1), output.narrow(0, row, 1), one);
    EXPECT_TRUE(own_mean.equal(mean.narrow(0, row, 1)));
    const at::Tensor own_next = transition.sample(own_mean, noise.narrow(0, row, 1), one);
    EXPECT_TRUE(own_next.equal(next.narrow(0, row, 1)));
    EXPECT_NEAR(transition.log_prob(own_next, own_mean, one).item<double>(),
                log_prob[row].item<double>(), 1e-6);
  }
}

TEST(Sample, DrawsNoNoiseWhereThereIsNone) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.set_alpha_to_one = true;
  const Transition transition(stable_diffusion_schedule(), PredictionType::kSample, spec);
  const at::Tensor mean = normal(7, {1, 1, 2, 2});
  EXPECT_TRUE(transition.sample(mean, normal(8, {1, 1, 2, 2}), steps_of_rows({49})).equal(mean));
}

TEST(LogProb, IsTheMeanOfTheElementsGaussianLogDensities) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.min_sigma = 0.05;  // the density's sigma is the raised one
  const Transition transition(stable_diffusion_schedule(), PredictionType::kEpsilon, spec);
  const at::Tensor mean = normal(9, {2, 1, 2, 2});
  const at::Tensor next = mean + 0.1 * normal(10, {2, 1, 2, 2});
  const at::Tensor log_prob = transition.log_prob(next, mean, steps_of_rows({10, 48}));
  for (std::int64_t row = 0; row < 2; ++row) {
    const double sigma = transition.steps()[row == 0 ? 10 : 48].noise_sigma;
    double sum = 0;
    for (std::int64_t i = 0; i < 4; ++i) {
      const double distance =
          next[row].flatten()[i].item<double>() - mean[row].flatten()[i].item<double>();
      sum += std::log(std::exp(-distance * distance / (2 * sigma * sigma)) /
                      (sigma * std::sqrt(2 * std::numbers::pi)));
    }
    EXPECT_NEAR(log_prob[row].item<double>(), sum / 4, 2e-5);
  }
}

TEST(LogProb, ExpectationOnPolicyIsMinusTheEntropy) {
  const Transition transition(stable_diffusion_schedule(), PredictionType::kEpsilon,
                              stable_diffusion_transition());
  const std::int64_t rows = 64;
  const std::int64_t elements = 4096;
  const at::Tensor step = steps_of_rows(std::vector<std::int64_t>(rows, 20));
  const at::Tensor mean = normal(11, {rows, 1, 64, 64});
  const at::Tensor next = transition.sample(mean, normal(12, {rows, 1, 64, 64}), step);
  const double expected = -1.418938533 - std::log(transition.steps()[20].sigma);
  // An element's variance is 1/2.
  const double deviation = std::sqrt(0.5 / static_cast<double>(rows * elements));
  EXPECT_NEAR(transition.log_prob(next, mean, step).mean().item<double>(), expected, 4 * deviation);
}

TEST(LogProb, IsZeroWithoutGradientAtStepsWithoutDensity) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.set_alpha_to_one = true;
  const Transition transition(stable_diffusion_schedule(), PredictionType::kEpsilon, spec);
  const at::Tensor mean = normal(13, {2, 1, 2, 2}).requires_grad_();
  const at::Tensor log_prob =
      transition.log_prob(normal(14, {2, 1, 2, 2}), mean, steps_of_rows({49, 48}));
  EXPECT_EQ(log_prob[0].item<double>(), 0);
  EXPECT_NE(log_prob[1].item<double>(), 0);
  log_prob.sum().backward();
  EXPECT_EQ(mean.grad()[0].abs().max().item<double>(), 0);
  EXPECT_GT(mean.grad()[1].abs().max().item<double>(), 0);
}

TEST(LogProb, GradientByTheMeanIsTheScoreOfTheGaussian) {
  const Transition transition(stable_diffusion_schedule(), PredictionType::kEpsilon,
                              stable_diffusion_transition());
  const at::Tensor mean = normal(15, {1, 1, 2, 2}).requires_grad_();
  const at::Tensor noise = normal(16, {1, 1, 2, 2});
  const at::Tensor step = steps_of_rows({30});
  // Even when somebody forgets to detach, the sampled latents are constants of the density.
  const at::Tensor next = transition.sample(mean, noise, step);
  transition.log_prob(next, mean, step).sum().backward();
  const at::Tensor expected = noise / transition.steps()[30].sigma / 4;
  EXPECT_LT((mean.grad() - expected).abs().max().item<double>(), 1e-4);
}

// The meta device stands for an accelerator: tables have to move there, once, from any thread.
TEST(Coefficients, FollowTheDeviceOfTheStep) {
  const Transition transition(stable_diffusion_schedule(), PredictionType::kEpsilon,
                              stable_diffusion_transition());
  const at::Device meta(at::kMeta);
  const at::Tensor latents = normal(17, {3, 1, 2, 2}).to(meta);
  const at::Tensor step = steps_of_rows({0, 1, 2}).to(meta);
  std::vector<std::thread> threads;
  std::vector<at::Tensor> log_probs(4);
  for (at::Tensor& log_prob : log_probs) {
    threads.emplace_back([&] {
      const at::Tensor mean = transition.mean(latents, latents, step);
      log_prob = transition.log_prob(transition.sample(mean, latents, step), mean, step);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const at::Tensor& log_prob : log_probs) {
    EXPECT_EQ(log_prob.device(), meta);
    EXPECT_EQ(log_prob.sizes(), at::IntArrayRef({3}));
  }
}

TEST(WithNoiseIn, LeavesTheOtherStepsDeterministic) {
  const io::TransitionSpec noisy = stable_diffusion_transition();
  io::TransitionSpec without = noisy;
  without.eta = 0;
  const at::Tensor latents = normal(0, {1, 2, 3, 4}), output = normal(1, {1, 2, 3, 4});
  for (const PredictionType prediction : kPredictions) {
    const Transition all(stable_diffusion_schedule(), prediction, noisy);
    const Transition none(stable_diffusion_schedule(), prediction, without);
    const Transition window = all.with_noise_in({20, 21});
    EXPECT_EQ(window.stochastic_steps(), (std::vector<std::int64_t>{20, 21}));
    for (const std::int64_t i : {0, 19, 20, 21, 22, 49}) {
      const Transition& like = i == 20 || i == 21 ? all : none;
      const at::Tensor step = steps_of_rows({i});
      EXPECT_TRUE(at::equal(window.mean(latents, output, step), like.mean(latents, output, step)))
          << i;
      EXPECT_TRUE(at::equal(window.noise_sigma(step), like.noise_sigma(step))) << i;
    }
  }
}

}  // namespace
}  // namespace loopline::diffusion
