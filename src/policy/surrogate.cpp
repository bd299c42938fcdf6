#include "loopline/policy/surrogate.h"

#include <ATen/ATen.h>

#include "loopline/core/error.h"

namespace loopline::policy {

Surrogate surrogate(const at::Tensor& log_prob, const at::Tensor& old_log_prob,
                    const at::Tensor& advantage, const SurrogateOptions& options) {
  LOOPLINE_CHECK(log_prob.sizes() == old_log_prob.sizes() && log_prob.sizes() == advantage.sizes(),
                 "one log-probability, old log-probability and advantage a pair");
  LOOPLINE_CHECK(options.clip_low > 0 && options.clip_high > 0, "a clip range around 1");
  const at::Tensor weight = advantage.detach();
  const at::Tensor log_ratio = log_prob - old_log_prob.detach();
  Surrogate result;
  result.log_ratio = log_ratio.detach();
  const at::Tensor ratio = result.log_ratio.exp();
  const at::Tensor high = (weight > 0).logical_and(ratio > 1 + options.clip_high);
  const at::Tensor low = (weight < 0).logical_and(ratio < 1 - options.clip_low);
  if (options.kind == SurrogateKind::kLogProb) {
    result.loss = -weight * log_prob;
    result.clipped_high = at::zeros_like(ratio);
    result.clipped_low = at::zeros_like(ratio);
    return result;
  }
  // The larger of the two terms is the constant one exactly where a pair is clipped; naming those
  // pairs gives max() a gradient without ties.
  const at::Tensor bound = at::where(high, 1 + options.clip_high, 1 - options.clip_low).to(ratio);
  result.loss = -weight * at::where(high.logical_or(low), bound, log_ratio.exp());
  result.clipped_high = high.to(ratio);
  result.clipped_low = low.to(ratio);
  return result;
}

}  // namespace loopline::policy
