#pragma once

#include <cstdint>

namespace loopline::io {

/// Limits that take seconds to reach. A fuzzer would meet them all the time, so its are lower.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr std::int64_t kMaxPixels = 1 << 18;
constexpr std::uint64_t kMaxPrompts = 1'000;
#else
constexpr std::int64_t kMaxPixels = 64'000'000;   ///< of an image
constexpr std::uint64_t kMaxPrompts = 1'000'000;  ///< of a file
#endif

}  // namespace loopline::io
