#pragma once

#include <c10/core/Allocator.h>
#include <c10/util/ThreadLocalDebugInfo.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

namespace loopline::testing {

/// Counts, exactly, the bytes that tensors on the CPU take while it lives, made by this thread and
/// by the backward passes that it starts.
class PeakMemory {
 public:
  PeakMemory()
      : counter_(std::make_shared<Counter>()),
        guard_(c10::DebugInfoKind::PROFILER_STATE, counter_) {}

  /// More than at the start, at the highest.
  std::int64_t peak() const { return counter_->peak; }
  std::int64_t now() const { return counter_->now; }

 private:
  struct Counter : c10::MemoryReportingInfoBase {
    void reportMemoryUsage(void*, std::int64_t bytes, std::size_t, std::size_t,
                           c10::Device) override {
      peak = std::max<std::int64_t>(peak, now += bytes);
    }
    bool memoryProfilingEnabled() const override { return true; }
    std::atomic<std::int64_t> now = 0, peak = 0;
  };

  std::shared_ptr<Counter> counter_;
  c10::DebugInfoGuard guard_;
};

}  // namespace loopline::testing
