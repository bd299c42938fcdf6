#include "loopline/tensor/memory.h"

#include <ATen/DeviceAccelerator.h>
#include <c10/util/Exception.h>
#include <sys/resource.h>

#include <new>
#include <string_view>

namespace loopline::tensor {

std::int64_t peak_memory(c10::Device device) {
  if (!device.is_cpu()) {
    constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    return at::accelerator::getDeviceStats(device.index()).allocated_bytes[kAll].peak;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    return true;
  }
  // TorchScript hands on the text alone; the CPU's allocator has no exception of its own.
  const std::string_view what = error.what();
  return what.find("CUDA out of memory") != std::string_view::npos ||
         what.find("can't allocate memory") != std::string_view::npos;
}

}  // namespace loopline::tensor
