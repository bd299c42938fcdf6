#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "loopline/io/model_bundle.h"

namespace loopline::diffusion {

/// One denoising step x_t -> x_s in fp64 (docs/algorithms.md, "The transition").
struct Step {
  std::int64_t timestep = 0;  ///< t, what the network is given
  double alpha_t = 0;         ///< cumulative alpha at t
  double alpha_s = 0;         ///< cumulative alpha at the next visited timestep, or the final one
  double sigma = 0;           ///< the kernel's standard deviation, enters the mean
  double direction = 0;       ///< sqrt(1 - alpha_s - sigma^2)
  /// What is drawn and what the density uses: max(sigma, min_sigma), 0 for a step without noise.
  double noise_sigma = 0;

  /// Whether the step has a density; others are sampled but enter no loss, log-prob, KL or count.
  bool stochastic() const { return noise_sigma > 0; }
};

/// The policy of a diffusion model: DDIM with eta (Song et al. 2021) as a Gaussian transition with
/// a log-probability. Immutable; cheap to copy; safe to share between threads.
///
/// Tensors: latents, network output, mean, next latents float32 [N, C, H, W]; `step` int64 [N], the
/// index of each row's step (0 = noisiest), on the latents' device. Rows may mix steps.
/// Coefficients are fp64 rounded once to fp32; they go to a device when it is first used and stay
/// there, so no later call waits for it.
class Transition {
 public:
  /// Combinations that diffusers computes differently or that have no finite value are Errors with
  /// the reason (see docs/algorithms.md): spacings whose next visited timestep is not t -
  /// train/steps, epsilon prediction with zero terminal SNR, unknown families. With eta 0 no step
  /// is stochastic.
  Transition(const io::ScheduleSpec& schedule, io::PredictionType prediction,
             const io::TransitionSpec& transition);

  std::int64_t num_steps() const { return static_cast<std::int64_t>(steps_.size()); }
  const std::vector<Step>& steps() const { return steps_; }

  /// The same path where only `steps` draw noise; the others are deterministic (eta 0).
  Transition with_noise_in(const std::vector<std::int64_t>& steps) const;

  /// Indices of the steps that have a density, ascending. Empty: the policy cannot be trained.
  std::vector<std::int64_t> stochastic_steps() const;

  /// Network timesteps of rows: int64 [N].
  at::Tensor timesteps(const at::Tensor& step) const;

  /// mu = sqrt(a_s) x0 + direction eps, from the raw (already guided) network output.
  /// Differentiable in `output`; computed in fp32. With clip_sample, x0 is clamped and eps
  /// recomputed from it.
  at::Tensor mean(const at::Tensor& latents, const at::Tensor& output,
                  const at::Tensor& step) const;

  /// mean + noise_sigma z.
  at::Tensor sample(const at::Tensor& mean, const at::Tensor& noise, const at::Tensor& step) const;

  /// Log-density of `next` [N]: the mean over the elements of a sample of
  /// -(next - mean)^2 / (2 sigma^2) - log sigma - log(2 pi) / 2 with sigma = noise_sigma; 0 for
  /// rows whose step is not stochastic. A function of mean, sigma and the stored next latents (a
  /// constant: no gradient flows into it), never of the noise, so that old and new
  /// log-probabilities are comparable bit for bit.
  at::Tensor log_prob(const at::Tensor& next, const at::Tensor& mean, const at::Tensor& step) const;

  /// noise_sigma of rows, float32 [N].
  at::Tensor noise_sigma(const at::Tensor& step) const;

 private:
  class Coefficients;

  std::vector<Step> steps_;
  std::shared_ptr<const Coefficients> coefficients_;
};

}  // namespace loopline::diffusion
