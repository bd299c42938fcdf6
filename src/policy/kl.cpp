#include "loopline/policy/kl.h"

#include <ATen/ATen.h>

namespace loopline::policy {

at::Tensor gaussian_kl(const at::Tensor& mean, const at::Tensor& reference_mean,
                       const at::Tensor& sigma) {
  const at::Tensor distance = (mean - reference_mean).square().flatten(1).mean(1);
  return distance / (2 * sigma.square());
}

at::Tensor kl_k1(const at::Tensor& log_ratio) { return -log_ratio; }

// expm1: near rho = 1, where every run starts, rho - 1 would lose all digits.
at::Tensor kl_k3(const at::Tensor& log_ratio) {
  return (log_ratio.expm1() - log_ratio).clamp_min(0);
}

}  // namespace loopline::policy
