#include "loopline/stats/moments.h"

#include <cmath>

namespace loopline::stats {

void Moments::add(double value) {
  ++count_;
  const double delta = value - mean_;
  mean_ += delta / static_cast<double>(count_);
  m2_ += delta * (value - mean_);
}

void Moments::merge(const Moments& other) {
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = other;
    return;
  }
  const double n = static_cast<double>(count_);
  const double m = static_cast<double>(other.count_);
  const double delta = other.mean_ - mean_;
  mean_ += delta * (m / (n + m));
  m2_ += other.m2_ + delta * delta * (n * m / (n + m));
  count_ += other.count_;
}

double Moments::population_variance() const {
  return count_ == 0 ? 0 : m2_ / static_cast<double>(count_);
}

double Moments::sample_variance() const {
  return count_ < 2 ? 0 : m2_ / static_cast<double>(count_ - 1);
}

double Moments::standard_error() const {
  return count_ == 0 ? 0 : std::sqrt(sample_variance() / static_cast<double>(count_));
}

}  // namespace loopline::stats
