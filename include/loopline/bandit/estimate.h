#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "loopline/bandit/estimators.h"
#include "loopline/bandit/functional.h"
#include "loopline/bandit/term_sample.h"

namespace loopline::bandit {

/// A value estimated from logs, with what intervals need.
struct Estimate {
  std::string_view name{};                    ///< of the estimator
  std::span<const IntervalKind> intervals{};  ///< those that are valid for it
  double value = 0;                           ///< NaN where it is undefined; a note says why
  double standard_error = 0;  ///< delta method for ratios and fitted b; infinite for one unit
  double rows = 0;            ///< with multiplicities
  double units = 0;           ///< independent ones: clusters, or rows
  bool clustered = false;
  double lowest_term = 0, highest_term = 0;  ///< of what is averaged; means only
  std::optional<double> baseline{};          ///< the fitted b
  std::vector<std::string> notes{};          ///< what a reader must know, in words
};

/// An estimate of a functional from terms; `name` and `intervals` outlive it.
class FunctionalAccumulator {
 public:
  FunctionalAccumulator(const Functional& functional, std::string_view name,
                        std::span<const IntervalKind> intervals);

  void add(const WeightedRows& rows, std::span<const Terms> terms);
  void merge(const FunctionalAccumulator& other);

  /// No rows: an Error (exit 1).
  Estimate finish() const;

 private:
  Functional functional_;
  std::string_view name_;
  std::span<const IntervalKind> intervals_;
  TermSample sample_;
  double lowest_, highest_;
};

/// Of estimates whose expectation is not the value.
constexpr const char* kBiasNote = "biased: intervals cover its own expectation, not the value";

/// One estimator over a log: add its blocks, or merge accumulators of single blocks in the order of
/// the log, which gives the same bits.
class EstimateAccumulator {
 public:
  /// Error (exit 2): see check_choice.
  explicit EstimateAccumulator(const EstimatorChoice& choice);

  /// Errors: see check_rows and terms_of.
  void add(const WeightedRows& rows);
  void merge(const EstimateAccumulator& other) { terms_.merge(other.terms_); }

  /// No rows: an Error (exit 1).
  Estimate finish() const;

  const EstimatorChoice& choice() const { return choice_; }

 private:
  EstimatorChoice choice_;
  FunctionalAccumulator terms_;
};

}  // namespace loopline::bandit
