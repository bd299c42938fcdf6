#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "loopline/bandit/functional.h"
#include "loopline/bandit/interval_kinds.h"
#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

/// Estimators of the value of a policy from logs of another one.
enum class Estimator {
  kDm,
  kIps,
  kClippedIps,
  kSnips,
  kDr,
  kSndr,
  kSwitchDr,
  kShrinkageDr,
  kSubGaussianIps,
  kBetaIps,
  kBetaIpsCrossFitted,
};

/// What the parameter of an estimator is. `lowest` <= parameter <= `highest`.
struct ParameterEntry {
  std::string_view name{};  ///< empty: it has none
  double lowest = 0, highest = 0;
  bool required = false;
};

struct EstimatorEntry {
  Estimator kind;
  std::string_view name;  ///< in configurations and JSON
  std::string_view formula;
  std::string_view source;
  Shape shape;
  bool needs_model;
  /// Whether its expectation is the value, up to O(1/n), where w are the right weights and have
  /// full support. Intervals of the others cover their own expectation: their bias is not in them.
  bool unbiased;
  ParameterEntry parameter;
  std::span<const IntervalKind> intervals;  ///< valid ones, without a parameter that changes it
};

/// All estimators, in the order of the enumeration.
std::span<const EstimatorEntry> estimator_table();

const EstimatorEntry& entry_of(Estimator kind);

/// Error (exit 2) that names the estimators there are.
const EstimatorEntry& estimator_named(std::string_view name);

/// An estimator as asked for. beta_ips with a parameter uses that b, which must not come from the
/// same rows (DR with the constant model b is the same number); without one the value-optimal b.
struct EstimatorChoice {
  Estimator kind = Estimator::kIps;
  std::optional<double> parameter{};
  int folds = 5;  ///< of cross-fitting, >= 2
};

/// Error (exit 2): parameter missing, out of range or without meaning; too few folds.
void check_choice(const EstimatorChoice& choice);

/// Of the choice: a fixed b makes beta_ips a mean.
Functional functional_of(const EstimatorChoice& choice);
std::span<const IntervalKind> valid_intervals(const EstimatorChoice& choice);

/// Error (exit 2) that names the valid ones. `name` is of the estimator.
void require_valid(std::string_view name, std::span<const IntervalKind> valid,
                   IntervalKind interval);
inline void require_valid(const EstimatorChoice& choice, IntervalKind interval) {
  require_valid(entry_of(choice.kind).name, valid_intervals(choice), interval);
}

/// The terms of checked rows. A missing model is an Error (exit 2).
std::vector<Terms> terms_of(const EstimatorChoice& choice, const WeightedRows& rows);

/// Likewise of several choices, for a bootstrap that draws once for all of them.
std::vector<Functional> functionals_of(std::span<const EstimatorChoice> choices);
std::vector<std::vector<Terms>> terms_of(std::span<const EstimatorChoice> choices,
                                         const WeightedRows& rows);

}  // namespace loopline::bandit
