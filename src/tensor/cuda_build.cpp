#include "loopline/tensor/cuda_build.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include <algorithm>
#include <regex>

#include "loopline/core/text.h"

namespace loopline::tensor {

CudaBuild cuda_build() {
  CudaBuild build{.linked = LOOPLINE_WITH_CUDA, .version = LOOPLINE_TORCH_CUDA_VERSION};
  if (!build.linked) return build;
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  build.version = static_cast<int>(hooks.versionCUDART());
  read_architectures(hooks.showConfig(), build);
  return build;
}

void read_architectures(const std::string& description, CudaBuild& build) {
  // A letter behind the number (sm_90a) marks code for that very GPU, made beside the general one.
  static const std::regex kArchitecture("code=(sm|compute)_([0-9]+)(?![0-9a-z])");
  for (std::sregex_iterator match(description.begin(), description.end(), kArchitecture), end;
       match != end; ++match) {
    ((*match)[1] == "sm" ? build.kernels : build.portable).push_back(std::stoi((*match)[2]));
  }
}

std::string cuda_version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string capability_text(int capability) {
  return std::to_string(capability / 10) + "." + std::to_string(capability % 10);
}

std::string driver_objection(const CudaBuild& build, const CudaDriver& driver) {
  const int needed = build.version / 1000, offered = driver.version / 1000;
  if (offered == 0 || offered >= needed) return "";
  return "too old for " + std::string(build.linked ? "this build" : "the CUDA flavour") +
         ", which needs " + std::to_string(needed) +
         ".0: update the driver, or build with a LibTorch for CUDA " + std::to_string(offered) +
         " (LOOPLINE_TORCH_ROOT)";
}

std::string gpu_objection(const CudaBuild& build, const Gpu& gpu) {
  const bool unknown = build.kernels.empty() && build.portable.empty();
  const bool runs = std::ranges::any_of(build.kernels, [&](int kernel) {
    return kernel / 10 == gpu.capability / 10 && kernel <= gpu.capability;
  });
  const bool translates =
      std::ranges::any_of(build.portable, [&](int portable) { return portable <= gpu.capability; });
  if (unknown || runs || translates) return "";
  std::vector<std::string> has;
  for (const int kernel : build.kernels) has.push_back(capability_text(kernel));
  return "this LibTorch has no kernels for it (but for " + join(has) +
         "): build with one that has (LOOPLINE_TORCH_ROOT)";
}

}  // namespace loopline::tensor
