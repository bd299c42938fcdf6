#pragma once

#include <optional>

#include "loopline/bandit/estimate.h"
#include "loopline/bandit/interval_kinds.h"
#include "loopline/stats/interval.h"

namespace loopline::bandit {

/// Where the terms that an estimate averages can lie: of IPS, w r. A promise of the user; what a
/// sample happens to hold bounds nothing.
struct TermRange {
  double low = 0, high = 0;
};

/// The intervals that need no more than the estimate: normal, student_t, delta and bernstein
/// (Maurer & Pontil 2009, theorem 4, on both sides). The others have accumulators of their own:
/// poisson_bootstrap.h and confidence_sequence.h.
///
/// One unit, or a value that is undefined: an infinite interval. Errors (exit 2): an interval that
/// is not valid for the estimator; for bernstein no range, a term that lies outside of it, or rows
/// in clusters.
stats::Interval closed_interval(const Estimate& estimate, IntervalKind kind, double level = 0.95,
                                std::optional<TermRange> range = std::nullopt);

/// The value below which a standard normal variable lies with `probability`, which is in (0, 1).
double normal_quantile(double probability);

}  // namespace loopline::bandit
