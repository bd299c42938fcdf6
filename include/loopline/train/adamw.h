#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "loopline/tensor/tensor_file.h"

namespace loopline::train {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-4;
  double max_grad_norm = 1;
};

/// AdamW (Loshchilov & Hutter 2019) through LibTorch's fused kernel, with gradient-norm clipping.
/// A step never waits for the device: the norm, the clipping and the decision to skip a step whose
/// loss or gradient is not finite are tensors there.
class AdamW {
 public:
  AdamW(tensor::NamedTensors parameters, const AdamWOptions& options);

  /// Drops the gradients of all parameters.
  void zero_grad();

  /// One step with learning rate `lr`. Parameters without a gradient (unused branches) are left
  /// alone. When the global norm or `loss` (0-dim) is not finite, nothing changes but `skipped`.
  void step(double lr, const at::Tensor& loss);

  const tensor::NamedTensors& parameters() const { return parameters_; }
  const AdamWOptions& options() const { return options_; }
  at::Tensor last_grad_norm() const { return last_grad_norm_; }  ///< before clipping, 0-dim
  at::Tensor last_finite() const { return last_finite_; }        ///< 0-dim bool: not skipped
  std::int64_t parameter_count() const;                          ///< numbers trained

  /// Steps skipped so far (synchronises).
  std::int64_t skipped() const;

  /// Moments and step counts by name: "exp_avg.NAME", "exp_avg_sq.NAME", "step.NAME", "skipped";
  /// they share storage with the optimiser.
  const tensor::NamedTensors& state() const { return state_; }

 private:
  tensor::NamedTensors parameters_;
  AdamWOptions options_;
  tensor::NamedTensors state_;
  at::Tensor last_grad_norm_, last_finite_;
};

/// The learning rate of an iteration (0-based): linear warm-up over `warmup`, then constant, or
/// cosine to 0 at `decay` iterations.
double learning_rate(double peak, const std::string& schedule, std::int64_t iteration,
                     std::int64_t warmup, std::int64_t decay);

}  // namespace loopline::train
