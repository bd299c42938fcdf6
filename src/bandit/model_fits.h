#pragma once

#include <cstddef>
#include <vector>

#include "loopline/bandit/reward_model.h"

namespace loopline::bandit {

/// What both kinds of model are fitted from. All of it outlives the fit.
struct ModelTask {
  const RewardDesign& design;
  const std::vector<double>& base;  ///< m or o of each fold
  double l2;
  const OpenLog& open;
  std::int64_t threads;
  const PassListener& listener;

  std::size_t folds() const { return base.size(); }
  void tell(const std::string& pass, const LogReader& reader) const {
    if (listener) listener(pass, reader.rows());
  }
};

/// Whether the model of `fold` does not see the rows of `row_fold`. A single model sees all.
inline bool is_left_out(std::size_t fold, std::size_t row_fold, std::size_t folds) {
  return fold == row_fold && folds > 1;
}

/// Coefficients, folds x groups x width.
std::vector<double> fit_ridge(const ModelTask& task);
std::vector<double> fit_logistic(const ModelTask& task);

}  // namespace loopline::bandit
