#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace loopline::stats {

/// An estimate with a two-sided interval.
struct Interval {
  double mean = 0;
  double low = 0;
  double high = 0;
};

/// 95 % (or `level`) Student t interval of the mean of independent values. One value: low = high = mean is wrong, so
/// the interval is infinite.
Interval t_interval(std::span<const double> values, double level = 0.95);

/// Percentile bootstrap of the mean over whole clusters (`cluster[i]` of `values[i]`, any
/// labels): images of one prompt are not independent, so prompts are resampled. Draws come from
/// Philox(seed), so the interval is a function of its arguments.
Interval cluster_bootstrap(std::span<const double> values, std::span<const std::int64_t> cluster,
                           std::uint64_t seed, int resamples = 2000, double level = 0.95);

}  // namespace loopline::stats
