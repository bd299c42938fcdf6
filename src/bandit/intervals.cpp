#include "loopline/bandit/intervals.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "loopline/core/error.h"
#include "loopline/stats/student_t.h"

namespace loopline::bandit {
namespace {

// Beyond, Student t is normal to seven digits, and its quantile has fewer.
constexpr double kManyDegrees = 1e7;

double bernstein_half_width(const Estimate& estimate, double level,
                            const std::optional<TermRange>& range) {
  const std::string where = "interval 'bernstein'";
  if (!range) throw Error(where, "it needs the range of the averaged terms, for ips of w r");
  if (estimate.clustered) {
    throw Error(where, "it needs independent rows, and these are in clusters",
                "choose another interval");
  }
  if (estimate.lowest_term < range->low || estimate.highest_term > range->high) {
    throw Error(where,
                "terms from " + std::to_string(estimate.lowest_term) + " to " +
                    std::to_string(estimate.highest_term) + " leave the given range",
                "give the range that terms can have");
  }
  const double n = estimate.rows;
  const double log_term = std::log(4 / (1 - level));
  return estimate.standard_error * std::sqrt(2 * log_term) +
         7 * (range->high - range->low) * log_term / (3 * (n - 1));
}

double half_width(const Estimate& estimate, IntervalKind kind, double level,
                  const std::optional<TermRange>& range) {
  const double probability = 0.5 + level / 2;
  switch (kind) {
    case IntervalKind::kBernstein:
      return bernstein_half_width(estimate, level, range);
    case IntervalKind::kNormal:
      return normal_quantile(probability) * estimate.standard_error;
    case IntervalKind::kStudentT:
    case IntervalKind::kDelta: {
      const double freedom = estimate.units - 1;
      if (freedom > kManyDegrees) return normal_quantile(probability) * estimate.standard_error;
      return freedom > 0 ? stats::student_t_quantile(probability, freedom) * estimate.standard_error
                         : estimate.standard_error;
    }
    case IntervalKind::kBootstrap:
    case IntervalKind::kSequence:
      break;
  }
  LOOPLINE_CHECK(false, "this interval has an accumulator of its own");
}

}  // namespace

stats::Interval closed_interval(const Estimate& estimate, IntervalKind kind, double level,
                                std::optional<TermRange> range) {
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  require_valid(estimate.name, estimate.intervals, kind);
  const double half = half_width(estimate, kind, level, range);
  if (std::isfinite(estimate.value) && std::isfinite(half)) {
    return {estimate.value, estimate.value - half, estimate.value + half};
  }
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  return {estimate.value, -kInfinite, kInfinite};
}

double normal_quantile(double probability) {
  LOOPLINE_CHECK(probability > 0 && probability < 1, "a probability inside (0, 1) is needed");
  const double tail = probability < 0.5 ? probability : 1 - probability;
  double low = 0;
  double high = 40;
  // The tail falls monotonically: halve until no double lies between the ends.
  for (double middle = 20; low < middle && middle < high; middle = (low + high) / 2) {
    (0.5 * std::erfc(middle / std::numbers::sqrt2) > tail ? low : high) = middle;
  }
  return probability < 0.5 ? -high : high;
}

}  // namespace loopline::bandit
