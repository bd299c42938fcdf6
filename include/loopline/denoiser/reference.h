#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "loopline/denoiser/condition.h"
#include "loopline/denoiser/denoiser.h"
#include "loopline/tensor/tensor_file.h"

namespace loopline::denoiser {

/// The policy before training, which a KL divergence is measured from. No second network: where
/// nothing but a bundle's adapters is trained they are switched off; else the trained parameters
/// change places with a copy of what they were when this was made.
class Reference {
 public:
  Reference(Denoiser& denoiser, const tensor::NamedTensors& trainable);

  /// predict_guided() of the reference, without gradients. Comes before the policy's own forward,
  /// never between that and its backward: it changes the network in place for a moment.
  at::Tensor predict_guided(const at::Tensor& latents, const at::Tensor& timesteps,
                            const Condition& conditional, const Condition& unconditional,
                            double weight);

  bool switches_adapters_off() const { return copy_.empty(); }
  std::int64_t copied_bytes() const;

 private:
  Denoiser& denoiser_;
  tensor::NamedTensors trainable_, copy_;
};

}  // namespace loopline::denoiser
