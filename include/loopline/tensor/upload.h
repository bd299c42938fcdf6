#pragma once

#include <ATen/core/Tensor.h>

namespace loopline::tensor {

/// A tensor on `device`. What comes from the host passes through pinned memory on the way to CUDA,
/// so that nobody waits for the copy. What is there already is the same tensor.
at::Tensor upload(const at::Tensor& tensor, at::Device device);

}  // namespace loopline::tensor
