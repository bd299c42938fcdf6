#include "loopline/denoiser/condition.h"

#include <ATen/ATen.h>

#include "loopline/core/error.h"

namespace loopline::denoiser {

void Condition::add(std::string name, at::Tensor tensor) {
  LOOPLINE_CHECK(tensors_.empty() || tensor.size(0) == rows(), "condition rows differ: " + name);
  tensors_.emplace_back(std::move(name), std::move(tensor));
}

std::int64_t Condition::rows() const {
  return tensors_.empty() ? 0 : tensors_.front().second.size(0);
}

Condition Condition::select(const at::Tensor& index) const {
  Condition result;
  for (const auto& [name, tensor] : tensors_) result.add(name, tensor.index_select(0, index));
  return result;
}

Condition Condition::repeat_interleave(std::int64_t count) const {
  Condition result;
  for (const auto& [name, tensor] : tensors_) {
    result.add(name, at::repeat_interleave(tensor, count, 0));
  }
  return result;
}

Condition Condition::concatenate(const Condition& first, const Condition& second) {
  LOOPLINE_CHECK(first.tensors_.size() == second.tensors_.size(), "conditions of different models");
  Condition result;
  for (std::size_t i = 0; i < first.tensors_.size(); ++i) {
    result.add(first.tensors_[i].first,
               at::cat({first.tensors_[i].second, second.tensors_[i].second}, 0));
  }
  return result;
}

}  // namespace loopline::denoiser
