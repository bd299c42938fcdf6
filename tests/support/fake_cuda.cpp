// A libcuda.so.1 that says what the environment tells it to, for `loopline doctor`:
//   FAKE_CUDA_INIT=803      what cuInit returns; default 0
//   FAKE_CUDA_DRIVER=12040  the newest CUDA of the driver; default 13000
//   FAKE_CUDA_GPUS="NVIDIA A100-SXM4-80GB:8.0:80,Tesla T4:7.5:15"  name, compute capability, GiB

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace {

constexpr int kSuccess = 0, kInvalidValue = 1, kNotInitialized = 3, kInvalidDevice = 101;
constexpr int kFirstHandle = 40;  // a device's handle is not its index

struct FakeGpu {
  std::string name;
  int major = 0, minor = 0;
  std::size_t gibibytes = 0;
};

bool initialized = false;

int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::atoi(text);
}

std::vector<FakeGpu> gpus() {
  const char* text = std::getenv("FAKE_CUDA_GPUS");
  std::istringstream list(text == nullptr ? "" : text);
  std::vector<FakeGpu> result;
  for (std::string item; std::getline(list, item, ',');) {
    FakeGpu gpu;
    char name[128] = "";
    std::sscanf(item.c_str(), "%127[^:]:%d.%d:%zu", name, &gpu.major, &gpu.minor, &gpu.gibibytes);
    gpu.name = name;
    result.push_back(gpu);
  }
  return result;
}

/// Answers `take(gpu)` as the driver does: only after cuInit, only for handles that it gave out.
template <class Take>
int with_gpu(int handle, const Take& take) {
  if (!initialized) return kNotInitialized;
  const std::vector<FakeGpu> all = gpus();
  const auto index = static_cast<std::size_t>(handle - kFirstHandle);
  if (handle < kFirstHandle || index >= all.size()) return kInvalidDevice;
  take(all[index]);
  return kSuccess;
}

}  // namespace

extern "C" {

int cuInit(unsigned flags) {
  if (flags != 0) return kInvalidValue;
  const int code = number_from("FAKE_CUDA_INIT", kSuccess);
  initialized = code == kSuccess;
  return code;
}

int cuDriverGetVersion(int* version) {
  *version = number_from("FAKE_CUDA_DRIVER", 13000);
  return kSuccess;
}

int cuDeviceGetCount(int* count) {
  if (!initialized) return kNotInitialized;
  *count = static_cast<int>(gpus().size());
  return kSuccess;
}

int cuDeviceGet(int* device, int ordinal) {
  *device = kFirstHandle + ordinal;
  return with_gpu(*device, [](const FakeGpu&) {});
}

int cuDeviceGetName(char* name, int length, int device) {
  return with_gpu(device, [&](const FakeGpu& gpu) {
    std::snprintf(name, static_cast<std::size_t>(length), "%s", gpu.name.c_str());
  });
}

int cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
  return with_gpu(device, [&](const FakeGpu& gpu) { *bytes = gpu.gibibytes << 30; });
}

int cuDeviceGetAttribute(int* value, int attribute, int device) {
  if (attribute != 75 && attribute != 76) return kInvalidValue;
  return with_gpu(device,
                  [&](const FakeGpu& gpu) { *value = attribute == 75 ? gpu.major : gpu.minor; });
}

}  // extern "C"
