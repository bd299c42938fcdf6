#pragma once

#include <string>
#include <vector>

namespace loopline::tensor {

/// How LibTorch computes on CUDA devices; without effect on the CPU.
struct CudaOptions {
  bool tf32 = false;          ///< float32 products and convolutions on TF32 tensor cores
  bool deterministic = true;  ///< kernels that repeat bit for bit; an operator without is an Error
  bool benchmark = false;     ///< cuDNN times its algorithms at each new shape and takes the best
  std::string attention = "auto";  ///< kernel of attention, one of attention_kernels()
};

/// "auto" (LibTorch chooses), "flash", "efficient", "cudnn", "math".
const std::vector<std::string>& attention_kernels();

/// Sets LibTorch's switches for the whole process. To be called before the first CUDA kernel, since
/// cuBLAS reads its workspace (CUBLAS_WORKSPACE_CONFIG, which stays as a user has set it) only
/// then.
void set_cuda_options(const CudaOptions& options);

/// What LibTorch's switches say now.
CudaOptions cuda_options();

}  // namespace loopline::tensor
