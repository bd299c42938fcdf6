#pragma once

#include <string>
#include <vector>

#include "loopline/tensor/cuda_driver.h"

namespace loopline::tensor {

/// What this program's LibTorch would compute with on CUDA devices.
struct CudaBuild {
  bool linked = false;  ///< this program has CUDA kernels
  int version = 0;      ///< of CUDA, 13000 is 13.0. Not linked: of the CUDA flavour; 0: unknown
  /// Compute capabilities (times ten) that the kernels were compiled for, and of the code that a
  /// driver can translate for any later GPU. Both empty: unknown.
  std::vector<int> kernels{}, portable{};
};

CudaBuild cuda_build();

/// `kernels` and `portable` from LibTorch's description of itself: "... code=sm_80 ...
/// code=compute_90".
void read_architectures(const std::string& description, CudaBuild& build);

/// "13.0" of 13000, and "8.0" of 80.
std::string cuda_version_text(int version);
std::string capability_text(int capability);

/// Why the driver cannot run kernels of the build, with what to do; "" when it can. A driver runs
/// the kernels of its own major version of CUDA and of older ones (minor version compatibility).
std::string driver_objection(const CudaBuild& build, const CudaDriver& driver);

/// The same of a GPU: compiled kernels run on their own major compute capability from their minor
/// one on.
std::string gpu_objection(const CudaBuild& build, const Gpu& gpu);

}  // namespace loopline::tensor
