#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "loopline/bandit/log_reader.h"
#include "loopline/bandit/reward_design.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// How pi_0(a | x) is fitted.
struct PropensityModelConfig {
  std::int64_t folds = 5;
  double l2 = 1;

  void describe(config::OptionVisitor& visitor);
};

/// Cross-fitted models of the policy that logged: as many as folds, the one of a fold fitted
/// without its rows, so that a row's own action does not raise its propensity. Folds are those of
/// term_sample.h: rows by their number, clusters as a whole.
///
/// With z the features and u_a the coefficients of action a (reward_design.h, per action: context
/// and position; without context a cell for each action and position), and n_a rows of action a
/// among the n rows, of A actions, that a model is fitted to,
///   pi_0(a | x) = softmax_a(ln((n_a + 1/2) / (n + A/2)) + z.u_a),
///   min -sum c ln pi_0(a | x) + l2/2 sum_a |u_a|^2,
/// c being multiplicities: multinomial logistic regression, drawn to the frequencies of the
/// actions. All probabilities are positive.
class PropensityModel {
 public:
  /// `offset`: logarithms of frequencies, folds x actions; `coefficients`: folds x groups x width.
  PropensityModel(RewardDesign design, std::vector<double> offset, std::vector<double> coefficients,
                  std::size_t folds);

  int folds() const { return static_cast<int>(folds_); }
  std::size_t actions() const { return offset_.size() / folds_; }

  /// pi_0(a | x) of all actions of a row, by the model of `fold`.
  void predict(const LogBlock& block, std::size_t row, std::size_t fold,
               std::vector<double>& probability) const;

  /// ln((n_a + 1/2) / (n + A/2)) of an action outside `fold`: what the model says without features.
  double log_frequency(std::size_t fold, std::size_t action) const {
    return offset_[fold * actions() + action];
  }

 private:
  RewardDesign design_;
  std::vector<double> offset_, coefficients_;
  std::size_t folds_;
};

struct PropensityFit {
  PropensityModel model;
  int passes = 0;    ///< over the log
  double slope = 0;  ///< largest entry of a gradient in the end, over the sum of multiplicities
};

/// `slope` that a fit ends at, unless it has made 200 steps before.
constexpr double kPropensitySlope = 1e-7;

/// Fits the models in passes over the log, by L-BFGS, all folds in the same passes; in memory that
/// depends on actions, features and folds, not on the rows. The number of threads changes no bit.
/// A log with another set of actions in every row is a broken invariant.
///
/// Errors: fewer rows than folds; actions and features whose coefficients do not fit into memory.
PropensityFit fit_propensity_model(const PropensityModelConfig& config, const OpenLog& open,
                                   const LogSurvey& survey, std::int64_t threads = 1,
                                   const PassListener& listener = {});

}  // namespace loopline::bandit
