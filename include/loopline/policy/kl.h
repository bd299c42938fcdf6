#pragma once

#include <ATen/core/Tensor.h>

namespace loopline::policy {

/// KL(new || reference) of two Gaussians with the same sigma, averaged over the elements of a
/// sample, as log_prob is: mean (mean - reference)^2 / (2 sigma^2). float32 [N, ...], [N, ...],
/// [N] -> [N]; sigma > 0 (steps without density have no KL).
at::Tensor gaussian_kl(const at::Tensor& mean, const at::Tensor& reference_mean,
                       const at::Tensor& sigma);

/// Estimates of KL(old || new) from samples of old (Schulman 2020), per pair: k1 = -log rho and
/// k3 = rho - 1 - log rho (never negative). float32 [N] -> [N].
at::Tensor kl_k1(const at::Tensor& log_ratio);
at::Tensor kl_k3(const at::Tensor& log_ratio);

}  // namespace loopline::policy
