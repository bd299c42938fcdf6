#include "loopline/tensor/device.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/DeviceGuard.h>
#include <torch/headeronly/version.h>

#include <thread>

#include "loopline/core/error.h"

namespace loopline::tensor {

int cuda_device_count() { return at::hasCUDA() ? static_cast<int>(at::getNumGPUs()) : 0; }

c10::Device parse_device(const std::string& name) {
  const int cuda_devices = cuda_device_count();
  if (name == "auto") {
    return cuda_devices > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  if (name == "cpu") return {c10::kCPU};
  int index = -1;
  if (name == "cuda") index = 0;
  if (name.rfind("cuda:", 0) == 0 && name.size() > 5 && name.size() < 8 &&
      name.find_first_not_of("0123456789", 5) == std::string::npos) {
    index = std::stoi(name.substr(5));
  }
  if (index < 0) {
    throw Error("device", "\"" + name + "\" is not a device", "use auto, cpu, cuda or cuda:N");
  }
  if (index >= cuda_devices) {
    throw Error("device",
                "\"" + name + "\" is not available: " +
                    (cuda_devices == 0 ? "no usable CUDA device was found"
                                       : std::to_string(cuda_devices) + " CUDA device(s) found"),
                "use device: cpu, or see `loopline doctor`");
  }
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

int set_threads(int threads) {
  if (threads <= 0) threads = std::max(1U, std::thread::hardware_concurrency());
  at::set_num_threads(threads);
  return threads;
}

std::string cpu_capability() { return at::get_cpu_capability(); }

bool cpu_has_bf16() { return __builtin_cpu_supports("avx512bf16") != 0; }

bool has_bf16(c10::Device device) {
  if (!device.is_cuda()) return cpu_has_bf16();
  // LibTorch's own question "compute capability 8 and cuDNN 8", about the current device; CUDA's
  // headers are not needed to ask it.
  const c10::DeviceGuard guard(device);
  return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
}

void wait_for(c10::Device device) {
  if (device.is_cuda()) at::accelerator::synchronizeDevice(device.index());
}

std::string torch_version() { return TORCH_VERSION; }

}  // namespace loopline::tensor
