#pragma once

#include <ATen/core/Tensor.h>

namespace loopline::policy {

/// What is minimised for one (sample, step) pair; docs/algorithms.md.
enum class SurrogateKind {
  kLogProb,  ///< -A log p (REINFORCE; on-policy)
  kClipped,  ///< max(-A rho, -A clip(rho, 1 - low, 1 + high)), rho = exp(log p - log p_old) (PPO)
};

struct SurrogateOptions {
  SurrogateKind kind = SurrogateKind::kClipped;
  double clip_low = 1e-4;
  double clip_high = 1e-4;
};

/// Per-pair values, float32 [N]. `loss` carries the gradient, the others are detached. Summing and
/// dividing by the pairs of the whole minibatch is the caller's.
struct Surrogate {
  at::Tensor loss;
  at::Tensor log_ratio;     ///< log p - log p_old
  at::Tensor clipped_high;  ///< 1 where A > 0 and rho > 1 + high (its gradient is 0)
  at::Tensor clipped_low;   ///< 1 where A < 0 and rho < 1 - low; both are 0 for kLogProb
};

/// log_prob (with gradient), old_log_prob, advantage: float32 [N]. Both clips must be positive; a
/// clip_low of 1 or more never clips. kLogProb is the policy gradient only where log_prob is still
/// old_log_prob's policy: one update an iteration.
Surrogate surrogate(const at::Tensor& log_prob, const at::Tensor& old_log_prob,
                    const at::Tensor& advantage, const SurrogateOptions& options);

}  // namespace loopline::policy
