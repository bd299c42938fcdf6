#pragma once

#include <ATen/core/Tensor.h>

namespace loopline::diffusion {

/// Denoising paths of N samples over T steps.
struct Trajectory {
  /// float32 [N, T+1, C, H, W], on the device that sampled or on the host; index 0 is the initial
  /// noise, T the result. Strided: steps may lie apart.
  at::Tensor latents;
  /// float32 [N, T] on the device, under the sampling policy; 0 at steps without density.
  at::Tensor log_prob;
};

}  // namespace loopline::diffusion
