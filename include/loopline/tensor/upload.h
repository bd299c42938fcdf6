#pragma once

#include <ATen/core/Tensor.h>

namespace loopline::tensor {

/// A tensor of the host on `device`. On the way to CUDA it passes through pinned memory, so that
/// the host does not wait for the copy. On the CPU it is the same tensor.
at::Tensor upload(const at::Tensor& host, at::Device device);

}  // namespace loopline::tensor
