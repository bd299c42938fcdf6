#pragma once

#include <ATen/core/Tensor.h>

namespace loopline::diffusion {

/// Denoising paths of N samples over T steps, kept on the device that sampled them.
struct Trajectory {
  at::Tensor latents;   ///< float32 [N, T+1, C, H, W]; index 0 is the initial noise, T the result
  at::Tensor log_prob;  ///< float32 [N, T], under the sampling policy; 0 at steps without density
};

}  // namespace loopline::diffusion
