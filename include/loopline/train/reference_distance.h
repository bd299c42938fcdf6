#pragma once

#include <ATen/core/Tensor.h>

#include "loopline/denoiser/reference.h"
#include "loopline/diffusion/transition.h"
#include "loopline/train/learner.h"

namespace loopline::train {

/// log p - log p_ref of sampled steps, each the mean over a latent's elements, as log p is: an
/// estimate of KL(p || p_ref) without bias, since the policy drew the steps. float64 [rows, T] on
/// the host for the first `rows` samples of `experience`, 0 at steps outside of its `steps`. Rows
/// of a forward are those that the sampler had, so that before the first update all are exactly 0.
at::Tensor reference_log_ratio(denoiser::Denoiser& denoiser, denoiser::Reference& reference,
                               const diffusion::Transition& transition,
                               const Experience& experience, double guidance,
                               std::int64_t micro_batch, std::int64_t rows);

}  // namespace loopline::train
