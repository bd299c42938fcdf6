#include "loopline/bandit_learning/objective.h"

#include <ATen/ATen.h>

#include <array>

#include "loopline/core/error.h"

namespace loopline::bandit_learning {
namespace {

// What is left of a sum without one row is rounding where that row was nearly all of it.
constexpr double kLeastRest = 1e-12;

double sum_of(const at::Tensor& values) { return values.sum().item<double>(); }

/// The same baseline for every row.
Coefficients with_baseline(const BatchRows& rows, double baseline, double next = 0) {
  return {rows.reward - baseline, baseline, next};
}

Coefficients ips(const BatchRows& rows, const ObjectiveOptions&, const std::optional<double>&) {
  return with_baseline(rows, 0);
}

Coefficients banditnet(const BatchRows& rows, const ObjectiveOptions& options,
                       const std::optional<double>&) {
  return with_baseline(rows, options.lambda);
}

Coefficients snips(const BatchRows& rows, const ObjectiveOptions&, const std::optional<double>&) {
  const at::Tensor counted = rows.count * rows.weight;
  const double weight = sum_of(counted);
  if (weight == 0) return {at::zeros_like(rows.reward)};
  const double value = sum_of(counted * rows.reward) / weight;
  Coefficients result = with_baseline(rows, value);
  result.factor.mul_(sum_of(rows.count) / weight);
  return result;
}

Coefficients of_batch(const BatchRows& rows, const std::optional<double>&) {
  return with_baseline(rows, gradient_optimal_baseline(rows));
}

Coefficients of_previous(const BatchRows& rows, const std::optional<double>& previous) {
  return with_baseline(rows, previous.value_or(0), gradient_optimal_baseline(rows));
}

/// b_-i = (S1 - N_i r_i) / (S0 - N_i) with S0 = sum N, S1 = sum N r; 0 where no other row has a
/// gradient. A row's copies leave together.
Coefficients leave_one_out(const BatchRows& rows, const std::optional<double>&) {
  const at::Tensor norm = rows.count * rows.squared_norm;
  const at::Tensor rest = sum_of(norm) - norm;
  const at::Tensor other = sum_of(norm * rows.reward) - norm * rows.reward;
  const at::Tensor baseline =
      at::where(rest > kLeastRest * sum_of(norm), other / rest, at::zeros_like(rest));
  return {rows.reward - baseline, gradient_optimal_baseline(rows), 0};
}

struct BaselineRule {
  BaselineEntry entry;
  Coefficients (*coefficients)(const BatchRows& rows, const std::optional<double>& previous);
};

constexpr std::array<BaselineRule, 3> kBaselineRules = {
    {{{BaselineSource::kBatch, "batch"}, of_batch},
     {{BaselineSource::kPrevious, "previous"}, of_previous},
     {{BaselineSource::kLeaveOneOut, "leave_one_out"}, leave_one_out}}};

constexpr std::array<BaselineEntry, 3> kBaselines = {
    kBaselineRules[0].entry, kBaselineRules[1].entry, kBaselineRules[2].entry};

Coefficients beta_ips(const BatchRows& rows, const ObjectiveOptions& options,
                      const std::optional<double>& previous) {
  return kBaselineRules[static_cast<std::size_t>(options.baseline)].coefficients(rows, previous);
}

/// The reward less the model, and the model's part, are in the rows' derivatives already.
Coefficients dr(const BatchRows& rows, const ObjectiveOptions&, const std::optional<double>&) {
  return {at::ones_like(rows.reward)};
}

constexpr std::array<ObjectiveEntry, 5> kObjectives = {{
    {Objective::kIps, "ips", "c = r", "Horvitz & Thompson 1952", false, ips},
    {Objective::kBanditNet, "banditnet", "c = r - lambda", "Joachims et al., ICLR 2018", false,
     banditnet},
    {Objective::kSnips, "snips", "c = (r - V_snips) / mean w", "Swaminathan & Joachims 2015", false,
     snips},
    {Objective::kBetaIps, "beta_ips",
     "c = r - b, b = E[|grad pi|^2/pi_0^2 r] / E[|grad pi|^2/pi_0^2]", "Gupta et al., RecSys 2024",
     false, beta_ips},
    {Objective::kDr, "dr", "c = r - q(x, a), and sum_a pi(a|x) q(x, a) grad log pi(a|x) added",
     "Dudik et al. 2011", true, dr},
}};

}  // namespace

std::span<const ObjectiveEntry> objective_table() { return kObjectives; }

const ObjectiveEntry& entry_of(Objective kind) {
  const ObjectiveEntry& entry = kObjectives[static_cast<std::size_t>(kind)];
  LOOPLINE_CHECK(entry.kind == kind, "a table is in the order of its enumeration");
  return entry;
}

std::span<const BaselineEntry> baseline_table() { return kBaselines; }

double gradient_optimal_baseline(const BatchRows& rows) {
  const at::Tensor norm = rows.count * rows.squared_norm;
  const double total = sum_of(norm);
  return total > 0 ? sum_of(norm * rows.reward) / total : 0;
}

}  // namespace loopline::bandit_learning
