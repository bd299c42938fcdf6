#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace loopline::tensor {

/// A GPU as NVIDIA's driver describes it.
struct Gpu {
  std::string name;
  int capability = 0;      ///< compute capability times ten: 80 is 8.0
  std::int64_t bytes = 0;  ///< of memory
};

/// What NVIDIA's driver says of this machine.
struct CudaDriver {
  std::string problem{};  ///< why no GPU can be used, in one clause; empty: `gpus` can
  std::string todo{};     ///< what to do about it
  int version = 0;        ///< of the newest CUDA that it runs: 13000 is 13.0; 0: it did not say
  std::vector<Gpu> gpus{};
};

/// Asks the driver itself: its library, libcuda.so.1, is loaded here and stays loaded, so builds
/// without CUDA see GPUs, too. No memory is taken on a device. Never throws for what it finds.
/// CUDA's driver interface: https://docs.nvidia.com/cuda/cuda-driver-api
CudaDriver ask_cuda_driver();

}  // namespace loopline::tensor
