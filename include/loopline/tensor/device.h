#pragma once

#include <c10/core/Device.h>

#include <string>

namespace loopline::tensor {

/// "auto" (CUDA when a device is usable, else the CPU), "cpu", "cuda" or "cuda:N". A device that is
/// not there is an Error that says what this build and machine offer.
c10::Device parse_device(const std::string& name);

/// How many CUDA devices this program can use; 0 in a build without CUDA (cuda_build()).
int cuda_device_count();

/// Limits LibTorch to `threads` compute threads; 0 means one a core. Results are bit-identical only
/// for the same number of threads. Returns the number in use.
int set_threads(int threads);

/// The vector instructions that LibTorch's kernels use here ("AVX2"), and whether the CPU computes
/// in bfloat16.
std::string cpu_capability();
bool cpu_has_bf16();

/// Whether the device computes in bfloat16: cpu_has_bf16(), or CUDA with compute capability 8.0.
bool has_bf16(c10::Device device);

/// Waits until the device has done what was asked of it.
void wait_for(c10::Device device);

/// The LibTorch version that this program runs with, "2.14.1".
std::string torch_version();

}  // namespace loopline::tensor
