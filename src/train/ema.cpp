#include "loopline/train/ema.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>

namespace loopline::train {

Ema::Ema(tensor::NamedTensors parameters, double decay)
    : parameters_(std::move(parameters)), decay_(decay) {
  for (const auto& [name, parameter] : parameters_) {
    weights_.emplace(name, parameter.detach().clone());
  }
}

void Ema::update() {
  at::NoGradGuard no_grad;
  ++updates_;
  const double n = static_cast<double>(updates_);
  const double kept = std::min(decay_, (1 + n) / (10 + n));
  for (auto& [name, average] : weights_) average.lerp_(parameters_.at(name), 1 - kept);
}

void Ema::restore(const tensor::NamedTensors& weights, std::int64_t updates,
                  const std::string& where) {
  tensor::copy_tensors(weights, weights_, where);
  updates_ = updates;
}

}  // namespace loopline::train
