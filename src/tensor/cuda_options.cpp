#include "loopline/tensor/cuda_options.h"

#include <ATen/Context.h>

#include <cstdlib>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::tensor {
namespace {

struct AttentionKernel {
  const char* name;
  void (at::Context::*enable)(bool);
  bool (at::Context::*enabled)() const;
};

constexpr AttentionKernel kAttentionKernels[] = {
    {"flash", &at::Context::setSDPUseFlash, &at::Context::userEnabledFlashSDP},
    {"efficient", &at::Context::setSDPUseMemEfficient, &at::Context::userEnabledMemEfficientSDP},
    {"cudnn", &at::Context::setSDPUseCuDNN, &at::Context::userEnabledCuDNNSDP},
    {"math", &at::Context::setSDPUseMath, &at::Context::userEnabledMathSDP}};

}  // namespace

const std::vector<std::string>& attention_kernels() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result{"auto"};
    for (const AttentionKernel& kernel : kAttentionKernels) result.emplace_back(kernel.name);
    return result;
  }();
  return names;
}

void set_cuda_options(const CudaOptions& options) {
  if (options.deterministic) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(options.tf32);
  context.setAllowTF32CuDNN(options.tf32);
  context.setBenchmarkCuDNN(options.benchmark);
  context.setDeterministicCuDNN(options.deterministic);
  context.setDeterministicAlgorithms(options.deterministic, /*warn_only=*/false);
  // What is read before it was written is a defect that a fill would only hide, at a price.
  context.setDeterministicFillUninitializedMemory(false);
  for (const AttentionKernel& kernel : kAttentionKernels) {
    (context.*kernel.enable)(options.attention == "auto" || options.attention == kernel.name);
  }
}

CudaOptions cuda_options() {
  const at::Context& context = at::globalContext();
  std::vector<std::string> enabled;
  for (const AttentionKernel& kernel : kAttentionKernels) {
    if ((context.*kernel.enabled)()) enabled.emplace_back(kernel.name);
  }
  return {.tf32 = context.allowTF32CuBLAS() && context.allowTF32CuDNN(),
          .deterministic = context.deterministicAlgorithms(),
          .benchmark = context.benchmarkCuDNN(),
          .attention = enabled.size() == std::size(kAttentionKernels) ? "auto" : join(enabled)};
}

}  // namespace loopline::tensor
