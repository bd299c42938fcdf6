#pragma once

#include <cstdint>

#include "loopline/tensor/tensor_file.h"

namespace loopline::train {

/// Exponential moving average of parameters. After n updates it keeps min(decay, (1 + n) / (10 +
/// n)) of itself, so that the first ones do not hold it back.
class Ema {
 public:
  /// Starts at the parameters' present values.
  Ema(tensor::NamedTensors parameters, double decay);

  /// Moves towards the parameters, once an optimiser step.
  void update();

  const tensor::NamedTensors& weights() const { return weights_; }

  /// For checkpoints; the weights are copied.
  std::int64_t updates() const { return updates_; }
  void restore(const tensor::NamedTensors& weights, std::int64_t updates, const std::string& where);

 private:
  tensor::NamedTensors parameters_, weights_;
  double decay_;
  std::int64_t updates_ = 0;
};

}  // namespace loopline::train
