#include <algorithm>

#include "cholesky.h"
#include "loopline/bandit/block_work.h"
#include "loopline/core/error.h"
#include "model_fits.h"
#include "model_sums.h"

namespace loopline::bandit {
namespace {

ModelSums ridge_sums(const ModelTask& task, const LogBlock& block) {
  const RewardDesign& design = task.design;
  ModelSums sums(task.folds(), design.groups(), design.width());
  std::vector<double> features(design.width());
  const std::vector<std::size_t> fold = folds_of(block, static_cast<int>(task.folds()));
  for (std::size_t i = 0; i < block.size(); ++i) {
    const auto action = static_cast<std::size_t>(block.action[i]);
    const double count = block.multiplicity.empty() ? 1 : block.multiplicity[i];
    design.fill(block, i, action, features);
    const std::size_t problem = sums.problem(fold[i], design.group_of(block, i, action));
    add_square(sums.matrix_of(problem), features, count);
    const auto right = sums.vector_of(problem);
    for (std::size_t j = 0; j < right.size(); ++j) {
      right[j] += count * block.reward[i] * features[j];
    }
  }
  return sums;
}

/// Of the rows outside a fold, less their mean reward: summed over the other folds, as a
/// difference from the whole would lose digits.
void solve_outside(const ModelTask& task, ModelSums& sums, std::size_t fold, std::size_t group,
                   std::span<double> coefficients) {
  const std::size_t width = task.design.width();
  std::vector<double> matrix(width * width);
  std::fill(coefficients.begin(), coefficients.end(), 0.0);
  for (std::size_t other = 0; other < task.folds(); ++other) {
    if (is_left_out(fold, other, task.folds())) continue;
    const std::size_t problem = sums.problem(other, group);
    const auto part = sums.matrix_of(problem);
    const auto right = sums.vector_of(problem);
    for (std::size_t j = 0; j < matrix.size(); ++j) matrix[j] += part[j];
    for (std::size_t j = 0; j < width; ++j) coefficients[j] += right[j];
  }
  for (std::size_t j = 0; j < width; ++j) {
    coefficients[j] -= task.base[fold] * matrix[j * width];  // the first feature is the constant
    matrix[j * width + j] += task.l2;
  }
  if (solve_positive(matrix, coefficients)) return;
  throw failure("model", "the normal equations cannot be solved in double precision",
                "give model.l2 a larger value");
}

}  // namespace

std::vector<double> fit_ridge(const ModelTask& task) {
  const RewardDesign& design = task.design;
  ModelSums sums(task.folds(), design.groups(), design.width());
  LogReader reader = task.open();
  for_each_block(
      reader, task.threads, [&](const LogBlock& block) { return ridge_sums(task, block); },
      [&](const ModelSums& part) {
        sums.merge(part);
        task.tell("fitting ridge", reader);
      });
  std::vector<double> coefficients(task.folds() * design.groups() * design.width());
  for (std::size_t k = 0; k < task.folds(); ++k) {
    for (std::size_t g = 0; g < design.groups(); ++g) {
      const std::size_t first = sums.problem(k, g) * design.width();
      solve_outside(task, sums, k, g, std::span(coefficients).subspan(first, design.width()));
    }
  }
  return coefficients;
}

}  // namespace loopline::bandit
