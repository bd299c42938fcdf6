#pragma once

#include <cstdint>

namespace loopline::stats {

/// Count, mean and centred second moment in fp64; mergeable (Chan et al. 1979), so that blocks
/// merged in a fixed order give the same bits whatever computed them.
class Moments {
 public:
  void add(double value);
  void merge(const Moments& other);

  std::int64_t count() const { return count_; }
  double mean() const { return mean_; }  ///< 0 without values
  double population_variance() const;    ///< divided by count; 0 without values
  double sample_variance() const;        ///< divided by count - 1; 0 for fewer than two values
  double standard_error() const;         ///< of the mean; 0 for fewer than two values

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double m2_ = 0;
};

}  // namespace loopline::stats
