#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace loopline::tensor {

/// The most memory that this process has used, in bytes: resident memory on the CPU, what tensors
/// took on an accelerator.
std::int64_t peak_memory(c10::Device device);

}  // namespace loopline::tensor
