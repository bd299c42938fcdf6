#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "loopline/bandit/log_columns.h"
#include "loopline/bandit/log_reader.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/bandit/weighted_rows.h"
#include "loopline/bandit_learning/gradient.h"
#include "loopline/bandit_learning/learn_config.h"

namespace loopline::bandit_learning {

/// What a row (or its cluster) is for: fitting, deciding which epoch is kept, judging that one.
enum class Part { kFit, kChoose, kJudge };

/// A log that is learned from: its parts, and how columns become the network's features,
/// (x - shift) * factor.
class LearningLog {
 public:
  /// Reads the log's encoding and surveys it. Errors: no context; action sets; a part without rows.
  explicit LearningLog(const LearnConfig& config);

  Part part_of(std::int64_t unit) const;

  /// Of one part of the log, from its beginning.
  bandit::LogReader open(Part part) const;

  /// The rows to fit, scaled; with a model that was fitted to them alone where there is one.
  LearningRows fit_rows() const;

  /// Rows with features for the network (model and count are not filled), and what estimators want.
  struct HeldOut {
    LearningRows rows;
    bandit::WeightedRows weighed;  ///< without weights
  };
  HeldOut held_out(Part part) const;

  /// The policy for columns as they are in the log.
  bandit::SoftmaxPolicyData policy_of(const SoftmaxNetwork& network) const;

  NetworkShape shape() const;
  std::int64_t actions() const { return actions_; }
  const std::string& fingerprint() const { return fingerprint_; }
  bool has_estimated_propensities() const {
    return bandit::has_estimated_propensities(config_.log);
  }

 private:
  void learn_scale(const bandit::ColumnMoments& moments);
  at::Tensor scaled(at::Tensor features) const;  ///< in place

  const LearnConfig& config_;
  bandit::LogEncoding encoding_;
  bandit::LogSurvey survey_;  ///< of the rows to fit
  std::int64_t actions_ = 0;
  std::vector<std::string> action_names_;
  std::vector<double> shares_;  ///< of the loggers in the whole log, where weights are balanced
  std::vector<double> shift_, factor_;
  std::string fingerprint_;
};

}  // namespace loopline::bandit_learning
