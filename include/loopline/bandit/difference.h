#pragma once

#include <vector>

#include "loopline/bandit/estimate.h"

namespace loopline::bandit {

/// The value of one policy less that of another from the same logs, which is far more certain than
/// the difference of two estimates: with w_d = (pi_t - pi_p) / pi_0, mean(w_d r) - b mean(w_d) with
/// b = E[w_d^2 r] / E[w_d^2], unbiased for every fixed b as E w_d = 0. Intervals: delta, bootstrap.
class DifferenceAccumulator {
 public:
  DifferenceAccumulator();

  /// The same rows under the two policies. Unequal lengths: a broken invariant. Errors: check_rows.
  void add(const WeightedRows& target, const WeightedRows& production);
  void merge(const DifferenceAccumulator& other) { terms_.merge(other.terms_); }

  /// No rows: an Error (exit 1).
  Estimate finish() const { return terms_.finish(); }

 private:
  FunctionalAccumulator terms_;
};

constexpr Functional kDifferenceFunctional = {Shape::kDifference, 1};

std::vector<Terms> difference_terms(const WeightedRows& target, const WeightedRows& production);

}  // namespace loopline::bandit
