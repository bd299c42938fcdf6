#pragma once

#include <cstdint>
#include <span>

namespace loopline::stats {

/// An estimate with a two-sided interval.
struct Interval {
  double mean = 0;
  double low = 0;
  double high = 0;
};

/// Student t interval of the mean of independent values at confidence `level`, in (0, 1). One value
/// says nothing about the spread: its interval is infinite. No values: a broken invariant.
Interval t_interval(std::span<const double> values, double level = 0.95);

/// Percentile bootstrap of the mean over whole clusters (`cluster[i]` of `values[i]`, any labels):
/// images of one prompt are not independent, so prompts are resampled. The mean is that of all
/// values, so a large cluster weighs more. Draws come from Philox(seed), so the interval is a
/// function of its arguments. With one cluster it is infinite, as one cluster says nothing about
/// the spread between clusters.
Interval cluster_bootstrap(std::span<const double> values, std::span<const std::int64_t> cluster,
                           std::uint64_t seed, int resamples = 2000, double level = 0.95);

}  // namespace loopline::stats
