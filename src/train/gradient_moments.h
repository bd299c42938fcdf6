#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "loopline/tensor/tensor_file.h"

namespace loopline::train {

/// First and second moment of independent gradients g_1..g_M of the same expectation g.
class GradientMoments {
 public:
  /// The parameters' present gradients.
  void add(const tensor::NamedTensors& parameters);

  /// |g|^2, without bias: (|sum g_m|^2 - sum |g_m|^2) / (M (M - 1)). NaN for fewer than two.
  double signal() const;

  /// Expected squared distance of their mean from g: their variance over all elements / M.
  double noise() const;

 private:
  double squared_sum() const;  ///< |sum g_m|^2

  std::map<std::string, at::Tensor> sum_;
  double sum_of_squares_ = 0;
  std::int64_t count_ = 0;
};

}  // namespace loopline::train
