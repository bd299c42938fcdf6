#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

#include "loopline/bandit_learning/network.h"
#include "loopline/bandit_learning/objective.h"

namespace loopline::bandit_learning {

/// Logged decisions in memory, on the CPU; float64 but for the actions.
struct LearningRows {
  at::Tensor features;    ///< [n, features]
  at::Tensor action;      ///< [n], int64, below the network's actions
  at::Tensor reward;      ///< [n]
  at::Tensor propensity;  ///< [n], pi_0(a | x) in (0, 1]
  at::Tensor count{};     ///< [n], how many rows alike each stands for; undefined: 1
  at::Tensor model{};     ///< [n, actions], q(x, a) for DR; undefined otherwise

  std::int64_t size() const { return reward.defined() ? reward.size(0) : 0; }
  LearningRows slice(std::int64_t begin, std::int64_t count) const;
  LearningRows select(const at::Tensor& index) const;  ///< [k], int64
};

/// Shapes and types that disagree are broken invariants. An action or a propensity out of range, or
/// a number that is not finite, is an Error (exit 2) that names the row.
void check_rows(const LearningRows& rows, const NetworkShape& shape, Objective objective);

/// The gradient of an objective over rows, and what a log wants to know of it.
struct ObjectiveGradient {
  at::Tensor gradient;       ///< [P], of the mean over rows
  double baseline = 0;       ///< in it
  double next_baseline = 0;  ///< see Coefficients
  double rows = 0;           ///< with counts
  double mean_weight = 0;    ///< mean w
  double mean_weighted = 0;  ///< mean w r, which is IPS
  double mean_square = 0;    ///< mean |g_i|^2 of the rows' gradients g_i
  double squared_norm = 0;   ///< |mean g_i|^2

  /// Of the mean: (mean |g_i|^2 - |mean g_i|^2) / B.
  double variance() const { return (mean_square - squared_norm) / rows; }
};

/// Batches of any size: what does not fit the processor's cache is computed in pieces, in order.
ObjectiveGradient objective_gradient(const SoftmaxNetwork& network, const LearningRows& rows,
                                     const ObjectiveOptions& options,
                                     const std::optional<double>& previous_baseline = {});

}  // namespace loopline::bandit_learning
