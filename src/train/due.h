#pragma once

#include <cstdint>

namespace loopline::train {

/// What happens every so many iterations; never for 0.
inline bool is_due(std::int64_t iteration, std::int64_t every) {
  return every > 0 && iteration % every == 0;
}

}  // namespace loopline::train
