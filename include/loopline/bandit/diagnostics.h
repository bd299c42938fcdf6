#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loopline/bandit/term_sample.h"
#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

/// Whether weights carry an estimate at all. Support that is missing cannot be seen where the log
/// holds only actions that were chosen; a mean weight below 1 is its trace.
struct Diagnostics {
  double rows = 0;            ///< with multiplicities
  double units = 0;           ///< independent ones: clusters, or rows
  double effective_rows = 0;  ///< (sum w)^2 / sum w^2 (Kish 1965); 0 where all weights are
  double largest_weight = 0;
  double mean_weight = 0;        ///< 1 in expectation
  double mean_weight_error = 0;  ///< its standard error, between clusters if there are any
  double clipped_share = 0;      ///< of rows with a weight above the clipping constant
  double largest_share = 0;      ///< of a single row in sum w
  double rewarded_rows = 0;      ///< with a reward other than 0 and a weight above 0
  double mean_reward = 0;        ///< of the log: the value of the logging policy
  double largest_departure = 0;  ///< of a weight from 1; 0 where both policies are one
};

class DiagnosticsAccumulator {
 public:
  /// `clip`: the constant whose clipped share is asked for.
  explicit DiagnosticsAccumulator(std::optional<double> clip = std::nullopt) : clip_(clip) {}

  void add(const WeightedRows& rows);
  void merge(const DiagnosticsAccumulator& other);

  /// No rows: an Error (exit 1).
  Diagnostics finish() const;

 private:
  std::optional<double> clip_;
  TermSample sample_;  ///< plain: r; control: w
  double largest_weight_ = 0;
  double largest_departure_ = 0;
  double clipped_ = 0;
  double rewarded_ = 0;
};

/// Limits of a verdict: those of `unusable` and those of `doubtful`.
struct VerdictThresholds {
  double unusable_effective_rows = 100;    ///< below
  double unusable_largest_share = 0.25;    ///< above
  double unusable_weight_errors = 4;       ///< |mean w - 1| above so many standard errors
  double doubtful_effective_share = 0.01;  ///< effective rows over rows, below
  double doubtful_largest_share = 0.05;
  double doubtful_weight_errors = 2;
  double doubtful_rewarded_rows = 30;  ///< below
};

enum class VerdictLevel { kUsable, kDoubtful, kUnusable };

std::string_view name_of(VerdictLevel level);  ///< usable, doubtful, unusable

struct Verdict {
  VerdictLevel level = VerdictLevel::kUsable;
  std::vector<std::string> reasons{};  ///< a sentence each; those of the level, not of milder ones
};

Verdict judge(const Diagnostics& diagnostics, const VerdictThresholds& thresholds = {});

}  // namespace loopline::bandit
