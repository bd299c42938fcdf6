#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <string_view>

namespace loopline::bandit_learning {

/// What a policy is learned to maximise. All of them have one gradient,
///   mean_i c_i w_i grad log pi(a_i | x_i),   w = pi(a | x) / pi_0(a | x),
/// and differ in c; DR has a term more (docs/bandit_learning.md, "One gradient").
enum class Objective { kIps, kBanditNet, kSnips, kBetaIps, kDr };

/// Where beta-IPS takes the baseline of a batch from.
enum class BaselineSource { kBatch, kPrevious, kLeaveOneOut };

struct ObjectiveOptions {
  Objective kind = Objective::kBetaIps;
  double lambda = 0;                                 ///< of BanditNet
  BaselineSource baseline = BaselineSource::kBatch;  ///< of beta-IPS
};

/// The rows of a batch as an objective sees them, [B] each, float64.
struct BatchRows {
  at::Tensor weight;        ///< w
  at::Tensor reward;        ///< r
  at::Tensor squared_norm;  ///< |w grad log pi|^2 by all parameters: |grad pi|^2 / pi_0^2
  at::Tensor count;         ///< of how many rows alike each stands for
};

/// c of each row, and the baseline in it.
struct Coefficients {
  at::Tensor factor;         ///< [B]
  double baseline = 0;       ///< of leave-one-out: that of the whole batch
  double next_baseline = 0;  ///< what `previous` takes for the next batch
};

struct ObjectiveEntry {
  Objective kind;
  std::string_view name;  ///< in configurations
  std::string_view formula;
  std::string_view source;
  bool needs_model;
  /// `previous`: the last batch's next_baseline; nothing in the first batch.
  Coefficients (*coefficients)(const BatchRows& rows, const ObjectiveOptions& options,
                               const std::optional<double>& previous);
};

/// All objectives, in the order of the enumeration.
std::span<const ObjectiveEntry> objective_table();
const ObjectiveEntry& entry_of(Objective kind);

struct BaselineEntry {
  BaselineSource kind;
  std::string_view name;
};
std::span<const BaselineEntry> baseline_table();

/// The b for which the gradient of beta-IPS varies least over rows,
/// E[(|grad pi|^2 / pi_0^2) r] / E[|grad pi|^2 / pi_0^2] (Gupta et al. 2024, arXiv 2405.05736),
/// here the ratio of sums over a batch. 0 where no row has a gradient.
double gradient_optimal_baseline(const BatchRows& rows);

}  // namespace loopline::bandit_learning
