#include "loopline/tensor/cuda_driver.h"

#include <dlfcn.h>

#include <cstdlib>

namespace loopline::tensor {
namespace {

/// CUresult, CUdevice and CUdevice_attribute are ints to callers of the library.
constexpr int kSuccess = 0, kNoDevice = 100;
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;

struct DriverError {
  int code;
  const char* name;
  const char* todo;
};

constexpr DriverError kDriverErrors[] = {
    {2, "CUDA_ERROR_OUT_OF_MEMORY", "end what fills the memory (nvidia-smi lists it)"},
    {34, "CUDA_ERROR_STUB_LIBRARY",
     "take the CUDA toolkit's folder `stubs` out of LD_LIBRARY_PATH: its libcuda is for linking"},
    {35, "CUDA_ERROR_INSUFFICIENT_DRIVER", "install a newer NVIDIA driver"},
    {46, "CUDA_ERROR_DEVICE_UNAVAILABLE",
     "another program has the GPU for itself: nvidia-smi shows it and the compute mode"},
    {kNoDevice, "CUDA_ERROR_NO_DEVICE", "nvidia-smi must list a GPU; a container needs --gpus all"},
    {101, "CUDA_ERROR_INVALID_DEVICE", "check CUDA_VISIBLE_DEVICES"},
    {304, "CUDA_ERROR_OPERATING_SYSTEM",
     "check that /dev/nvidia* are there and that you may open them"},
    {802, "CUDA_ERROR_SYSTEM_NOT_READY",
     "start what the driver waits for: nvidia-fabricmanager on machines with NVSwitch"},
    {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
     "the driver was updated while loaded, library and kernel module differ: reboot"},
    {804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
     "this GPU cannot use the package cuda-compat: take it out of LD_LIBRARY_PATH, or update the "
     "driver"},
    {999, "CUDA_ERROR_UNKNOWN",
     "the kernel module may not be loaded: try nvidia-smi as root, then reboot"},
};

void explain(CudaDriver& driver, const char* function, int code) {
  driver.gpus.clear();
  driver.problem = std::string(function) + " says CUDA error " + std::to_string(code);
  driver.todo = "see what nvidia-smi says";
  for (const DriverError& error : kDriverErrors) {
    if (error.code != code) continue;
    driver.problem =
        std::string(function) + " says " + error.name + " (" + std::to_string(code) + ")";
    driver.todo = error.todo;
  }
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (code == kNoDevice && visible != nullptr) {
    driver.todo = "CUDA_VISIBLE_DEVICES is \"" + std::string(visible) +
                  "\": unset it, or name a GPU that nvidia-smi -L lists";
  }
}

/// Calls functions of the library by name until one fails, which it explains.
struct Calls {
  CudaDriver& driver;
  void* library;
  bool good = true;

  template <class... Arguments>
  void operator()(const char* name, Arguments... arguments) {
    if (!good) return;
    const auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
    if (function == nullptr) {
      good = false;
      driver.problem = std::string("libcuda.so.1 has no function ") + name;
      driver.todo = "install a newer NVIDIA driver";
      return;
    }
    const int code = function(arguments...);
    good = code == kSuccess;
    if (!good) explain(driver, name, code);
  }
};

}  // namespace

CudaDriver ask_cuda_driver() {
  CudaDriver driver;
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    driver.problem = "none (" + std::string(dlerror()) + ")";
    driver.todo =
        "for a GPU of NVIDIA's install its driver, or start the container with --gpus all";
    return driver;
  }
  Calls call{driver, library};
  int count = 0;
  call("cuDriverGetVersion", &driver.version);
  call("cuInit", 0U);
  call("cuDeviceGetCount", &count);
  for (int i = 0; i < count; ++i) {
    int device = 0, major = 0, minor = 0;
    std::size_t bytes = 0;
    char name[256] = "";
    call("cuDeviceGet", &device, i);
    call("cuDeviceGetName", &name[0], static_cast<int>(sizeof name) - 1, device);
    call("cuDeviceTotalMem_v2", &bytes, device);
    call("cuDeviceGetAttribute", &major, kCapabilityMajor, device);
    call("cuDeviceGetAttribute", &minor, kCapabilityMinor, device);
    if (call.good) driver.gpus.push_back({name, 10 * major + minor, std::int64_t(bytes)});
  }
  if (call.good && count == 0) explain(driver, "cuDeviceGetCount", kNoDevice);
  return driver;
}

}  // namespace loopline::tensor
