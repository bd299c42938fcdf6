#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace loopline::stats {

/// The value below which a share `probability` of the sorted values lies, linear between order
/// statistics as numpy's default. No values: undefined.
inline double sorted_quantile(const std::vector<double>& sorted, double probability) {
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

}  // namespace loopline::stats
