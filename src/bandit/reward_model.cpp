#include "loopline/bandit/reward_model.h"

#include <algorithm>
#include <cmath>

#include "loopline/core/error.h"
#include "model_fits.h"

namespace loopline::bandit {
namespace {

using config::option;

// Numbers in the sums of a pass, of which every thread has a copy: 256 MB.
constexpr double kMostModelNumbers = 1 << 25;

void check_model_size(const RewardDesign& design, std::int64_t folds) {
  const auto width = static_cast<double>(design.width());
  const double numbers =
      static_cast<double>(folds) * static_cast<double>(design.groups()) * width * (width + 1);
  if (numbers <= kMostModelNumbers) return;
  throw Error("model",
              std::to_string(design.groups()) + " groups of " + std::to_string(design.width()) +
                  " features in " + std::to_string(folds) + " folds do not fit into memory",
              "leave columns out of log.context, or set model.design to shared");
}

void check_unit_rewards(const LogSurvey& survey) {
  const bool is_high = survey.highest_reward > 1;
  if (survey.lowest_reward >= 0 && !is_high) return;
  throw Error("model.kind 'logistic'",
              "the reward of row " +
                  std::to_string(is_high ? survey.highest_row : survey.lowest_row) + " is " +
                  std::to_string(is_high ? survey.highest_reward : survey.lowest_reward) +
                  ", which is not in [0, 1]",
              "choose ridge");
}

/// The mean reward outside each fold, or the logit that goes with it.
std::vector<double> bases_of(const LogSurvey& survey, bool is_logistic) {
  std::vector<double> base;
  for (std::size_t k = 0; k < survey.folds.size(); ++k) {
    FoldTotal outside;
    for (std::size_t other = 0; other < survey.folds.size(); ++other) {
      if (is_left_out(k, other, survey.folds.size())) continue;
      outside.count += survey.folds[other].count;
      outside.reward += survey.folds[other].reward;
    }
    if (outside.count == 0) {
      throw Error("model.folds", "the log has too few rows (or clusters) to leave a fold out",
                  "set model.kind to none");
    }
    base.push_back(is_logistic
                       ? std::log((outside.reward + 0.5) / (outside.count - outside.reward + 0.5))
                       : outside.reward / outside.count);
  }
  return base;
}

}  // namespace

void RewardModelConfig::describe(config::OptionVisitor& v) {
  v.field(option("kind",
                 "Cross-fitted model of the reward for dm, dr, sndr, switch_dr and shrinkage_dr: "
                 "none, ridge, or logistic (rewards in [0, 1]).")
              .one_of({"none", "ridge", "logistic"}),
          kind);
  v.field(option("design",
                 "per_action: coefficients of its own for each action; shared: one set, with the "
                 "action one-hot. Logs with action sets are always shared.")
              .one_of({"per_action", "shared"}),
          design);
  v.field(option("folds", "Each row is predicted by a model fitted without the row's fold.")
              .range(2, 100),
          folds);
  v.field(option("l2", "Penalty on coefficients: so many rows with the mean reward.").above(0), l2);
}

RewardModel::RewardModel(RewardDesign design, bool is_logistic, std::vector<double> base,
                         std::vector<double> coefficients)
    : design_(std::move(design)),
      is_logistic_(is_logistic),
      base_(std::move(base)),
      coefficients_(std::move(coefficients)) {
  LOOPLINE_CHECK(coefficients_.size() == base_.size() * design_.groups() * design_.width(),
                 "a model has coefficients for each fold and group");
}

void RewardModel::predict(const LogBlock& block, std::size_t row, std::size_t fold,
                          std::vector<double>& reward) const {
  const std::size_t size = design_.groups() * design_.width();
  design_.scores(block, row, std::span(coefficients_).subspan(fold * size, size), reward);
  for (double& q : reward) {
    q += base_[fold];
    if (is_logistic_) q = 1 / (1 + std::exp(-q));
  }
}

RewardModel fit_reward_model(const RewardModelConfig& config, const OpenLog& open,
                             const LogSurvey& survey, std::int64_t threads,
                             const PassListener& listener) {
  LOOPLINE_CHECK(config.kind != "none", "there is a model to be fitted");
  LOOPLINE_CHECK(static_cast<std::int64_t>(survey.folds.size()) == config.folds,
                 "the survey has the folds of the model");
  const bool is_logistic = config.kind == "logistic";
  if (is_logistic) check_unit_rewards(survey);
  RewardDesign design(survey, open().encoding(), config.design == "shared");
  check_model_size(design, config.folds);
  std::vector<double> base = bases_of(survey, is_logistic);
  const ModelTask task{design, base, config.l2, open, threads, listener};
  std::vector<double> coefficients = is_logistic ? fit_logistic(task) : fit_ridge(task);
  return {std::move(design), is_logistic, std::move(base), std::move(coefficients)};
}

}  // namespace loopline::bandit
