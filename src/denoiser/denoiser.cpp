#include "loopline/denoiser/denoiser.h"

#include <ATen/ATen.h>

namespace loopline::denoiser {

at::Tensor predict_guided(Denoiser& denoiser, const at::Tensor& latents,
                          const at::Tensor& timesteps, const Condition& conditional,
                          const Condition& unconditional, double weight) {
  if (weight == 1) return denoiser.predict(latents, timesteps, conditional);
  const at::Tensor both =
      denoiser.predict(at::cat({latents, latents}), at::cat({timesteps, timesteps}),
                       Condition::concatenate(unconditional, conditional));
  const auto halves = both.chunk(2, 0);
  return halves[0] + weight * (halves[1] - halves[0]);
}

}  // namespace loopline::denoiser
