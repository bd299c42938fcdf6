#pragma once

#include <optional>
#include <span>
#include <variant>
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

/// The difference of two ratios, [mean g_t + mean h_t / mean d_t] - [the same of p], with the
/// variance of both together: terms g_t - g_p, h_t, d_t, h_p, d_p.
class RatioDifference {
 public:
  explicit RatioDifference(const EstimatorChoice& choice) : choice_(choice) {}

  void add(const WeightedRows& target, const WeightedRows& production);
  void merge(const RatioDifference& other) { sample_.merge(other.sample_); }
  Estimate finish() const;

 private:
  EstimatorChoice choice_;
  TermSampleOf<kPairTerms> sample_;
};

/// The paired difference of one estimator between two policies: its error comes from the difference
/// of the two influence functions row by row, so what both policies share cancels.
///
/// | shape of the estimator | difference |
/// | --- | --- |
/// | kMean (ips, dr, ...) | mean of the differences of the terms |
/// | kRatio (snips, sndr) | as RatioDifference has it |
/// | kBaseline (beta_ips) | as DifferenceAccumulator has it: one b for w_d |
/// | kCrossFitted | likewise, the b of each fold from the other folds |
class PairedDifference {
 public:
  /// Error (exit 2): see check_choice.
  explicit PairedDifference(const EstimatorChoice& choice);

  /// The same rows under the two policies. Unequal lengths: a broken invariant. Errors: check_rows
  /// and terms_of.
  void add(const WeightedRows& target, const WeightedRows& production);
  void merge(const PairedDifference& other);

  /// No rows: an Error (exit 1).
  Estimate finish() const;

 private:
  EstimatorChoice choice_;
  std::variant<FunctionalAccumulator, RatioDifference> sums_;
};

/// Of a difference that is no combination of the two policies' own estimates, as it fits a b of its
/// own, for a bootstrap. Nothing where replicates of both can be subtracted.
std::optional<Functional> own_functional(const EstimatorChoice& choice);

std::span<const IntervalKind> difference_intervals(const EstimatorChoice& choice);

}  // namespace loopline::bandit
