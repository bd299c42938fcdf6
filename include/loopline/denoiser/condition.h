#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace loopline::denoiser {

/// What the network is told beside latents and timestep: named tensors, batch first, in the order
/// of the bundle's `inputs`. Text embeddings, class ids, added embeddings: all the same to everyone
/// above.
class Condition {
 public:
  void add(std::string name, at::Tensor tensor);

  const std::vector<std::pair<std::string, at::Tensor>>& tensors() const { return tensors_; }
  std::int64_t rows() const;  ///< batch size; 0 for a model without inputs

  /// Rows by index (int64 [N] on the tensors' device).
  Condition select(const at::Tensor& index) const;

  /// Every row `count` times in a row: a group of samples shares its prompt's condition.
  Condition repeat_interleave(std::int64_t count) const;

  /// [first; second] along the batch.
  static Condition concatenate(const Condition& first, const Condition& second);

 private:
  std::vector<std::pair<std::string, at::Tensor>> tensors_;
};

}  // namespace loopline::denoiser
