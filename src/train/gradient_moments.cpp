#include "gradient_moments.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <limits>

namespace loopline::train {
namespace {

double squared_norm(const at::Tensor& tensor) {
  const double norm = at::linalg_vector_norm(tensor, 2, {}, false, at::kDouble).item<double>();
  return norm * norm;
}

}  // namespace

void GradientMoments::add(const tensor::NamedTensors& parameters) {
  at::NoGradGuard no_grad;
  ++count_;
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    sum_of_squares_ += squared_norm(gradient);
    const auto [sum, is_new] = sum_.try_emplace(name, gradient);
    if (!is_new) sum->second = sum->second + gradient;
  }
}

double GradientMoments::squared_sum() const {
  double total = 0;
  for (const auto& [name, sum] : sum_) total += squared_norm(sum);
  return total;
}

double GradientMoments::signal() const {
  if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto m = static_cast<double>(count_);
  return (squared_sum() - sum_of_squares_) / (m * (m - 1));
}

double GradientMoments::noise() const {
  if (count_ < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto m = static_cast<double>(count_);
  return (sum_of_squares_ - squared_sum() / m) / (m - 1) / m;
}

}  // namespace loopline::train
