#include "loopline/tensor/memory.h"

#include <ATen/DeviceAccelerator.h>
#include <sys/resource.h>

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

}  // namespace loopline::tensor
