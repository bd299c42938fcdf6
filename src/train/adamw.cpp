#include "loopline/train/adamw.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace loopline::train {

AdamW::AdamW(tensor::NamedTensors parameters, const AdamWOptions& options)
    : parameters_(std::move(parameters)), options_(options) {
  for (const auto& [name, parameter] : parameters_) {
    const at::Tensor value = parameter.detach();
    state_.emplace("exp_avg." + name, at::zeros_like(value));
    state_.emplace("exp_avg_sq." + name, at::zeros_like(value));
    // The fused kernel takes the step count as one float32 scalar a parameter.
    state_.emplace("step." + name, at::zeros({}, value.options()));
    if (!state_.count("skipped")) state_.emplace("skipped", at::zeros({}, value.options()));
  }
}

void AdamW::zero_grad() {
  for (auto& [name, parameter] : parameters_) parameter.mutable_grad() = at::Tensor();
}

std::int64_t AdamW::parameter_count() const {
  std::int64_t count = 0;
  for (const auto& [name, parameter] : parameters_) count += parameter.numel();
  return count;
}

std::int64_t AdamW::skipped() const {
  return static_cast<std::int64_t>(state_.at("skipped").item<float>());
}

void AdamW::step(double lr, const at::Tensor& loss) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> parameters, gradients, first, second, steps;
  for (auto& [name, parameter] : parameters_) {
    if (!parameter.grad().defined()) continue;
    parameters.push_back(parameter.detach());
    gradients.push_back(parameter.grad());
    first.push_back(state_.at("exp_avg." + name));
    second.push_back(state_.at("exp_avg_sq." + name));
    steps.push_back(state_.at("step." + name));
  }
  if (parameters.empty()) {
    last_grad_norm_ = at::zeros_like(state_.at("skipped"));
    last_finite_ = loss.isfinite();
    return;
  }

  last_grad_norm_ = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)), 2);
  last_finite_ = last_grad_norm_.isfinite().logical_and(loss.isfinite());
  const at::Tensor found_inf = last_finite_.logical_not().to(at::kFloat);
  const at::Tensor shrink = (options_.max_grad_norm / (last_grad_norm_ + 1e-6)).clamp_max(1.0);
  at::_foreach_mul_(gradients, shrink);

  at::_foreach_add_(steps, 1 - found_inf);
  at::_fused_adamw_(parameters, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, lr,
                    options_.beta1, options_.beta2, options_.weight_decay, options_.eps,
                    /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{}, found_inf);
  state_.at("skipped").add_(found_inf);
}

double learning_rate(double peak, const std::string& schedule, std::int64_t iteration,
                     std::int64_t warmup, std::int64_t decay) {
  if (iteration < warmup)
    return peak * static_cast<double>(iteration + 1) / static_cast<double>(warmup);
  if (schedule != "cosine") return peak;
  const double progress = static_cast<double>(iteration - warmup) /
                          static_cast<double>(std::max<std::int64_t>(1, decay - warmup));
  return peak * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, progress)));
}

}  // namespace loopline::train
