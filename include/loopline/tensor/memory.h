#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <exception>

namespace loopline::tensor {

/// The most memory that this process has used, in bytes: resident memory on the CPU, what tensors
/// took on an accelerator.
std::int64_t peak_memory(c10::Device device);

/// Is this what an allocation on any device throws that found no memory, be it under TorchScript?
bool is_out_of_memory(const std::exception& error);

}  // namespace loopline::tensor
