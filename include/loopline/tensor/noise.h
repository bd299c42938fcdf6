#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "loopline/core/random.h"

namespace loopline::tensor {

/// Standard normal float32 [rows, shape...] on `device`: row i is drawn at rows[i] with its step
/// replaced by `step`. Generated on the host, so the bits do not depend on the device, the batch or
/// the threads.
at::Tensor normal_rows(const std::vector<Draw>& rows, std::uint32_t step,
                       const std::vector<std::int64_t>& shape, at::Device device);

}  // namespace loopline::tensor
