#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "loopline/bandit/log_reader.h"
#include "loopline/bandit/reward_design.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// How q(x, a) is fitted.
struct RewardModelConfig {
  std::string kind = "none";          ///< none, ridge, logistic
  std::string design = "per_action";  ///< per_action, shared (reward_design.h)
  std::int64_t folds = 5;
  double l2 = 1;

  void describe(config::OptionVisitor& visitor);
};

/// Cross-fitted linear models of the reward: as many as folds, the one of a fold fitted without its
/// rows. Folds are those of term_sample.h: rows by their number, clusters as a whole. With one fold
/// there is one model of all rows, which knows the rewards that it predicts.
///
/// With m the mean reward of the rows that a model is fitted to, z the features (reward_design.h)
/// and c multiplicities, coefficients u of each group are fitted by
///   ridge:     q = m + z.u,                    min sum c (r - q)^2 + l2 |u|^2
///   logistic:  q = 1 / (1 + exp(-o - z.u)),    min -sum c (r ln q + (1 - r) ln(1 - q)) + l2/2
///   |u|^2
/// with o the logit of (n m + 1/2) / (n + 1). As the constant is among the features, what is not in
/// the log is predicted as m, and without context ridge is the smoothed mean of each action and
/// position, (sum r + l2 m) / (n + l2).
class RewardModel {
 public:
  RewardModel(RewardDesign design, bool is_logistic, std::vector<double> base,
              std::vector<double> coefficients);

  int folds() const { return static_cast<int>(base_.size()); }
  const RewardDesign& design() const { return design_; }

  /// q(x, a) of all actions of a row, by the model of `fold`.
  void predict(const LogBlock& block, std::size_t row, std::size_t fold,
               std::vector<double>& reward) const;

 private:
  RewardDesign design_;
  bool is_logistic_;
  std::vector<double> base_;          ///< m or o of each fold
  std::vector<double> coefficients_;  ///< folds x groups x width
};

/// Opens the log anew for a pass over it, always with the same encoding.
using OpenLog = std::function<LogReader()>;

/// Fits the models in passes over the log, in memory that depends on its actions, features and
/// folds, not on its rows: ridge in one pass, in closed form; logistic by Newton steps, a pass
/// each, halved where they overshoot, until no coefficient moves by more than 1e-8 (50 at most).
/// The number of threads changes no bit.
///
/// Errors: fewer rows than folds; for logistic a reward outside [0, 1], with its row; features for
/// which the normal equations do not fit into memory.
RewardModel fit_reward_model(const RewardModelConfig& config, const OpenLog& open,
                             const LogSurvey& survey, std::int64_t threads = 1,
                             const PassListener& listener = {});

}  // namespace loopline::bandit
