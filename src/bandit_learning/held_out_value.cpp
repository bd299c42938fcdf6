#include "held_out_value.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/difference.h"
#include "loopline/bandit/estimate.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/intervals.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit_learning {
namespace {

using Json = nlohmann::ordered_json;

// Rows whose probabilities are in memory at once.
constexpr std::int64_t kRowsAtOnce = 4096;

stats::Interval interval_of(const bandit::Estimate& estimate, bandit::IntervalKind kind,
                            double level) {
  stats::Interval interval = bandit::closed_interval(estimate, kind, level);
  interval.mean = estimate.value;
  return interval;
}

Json row_of(const char* name, const stats::Interval& interval) {
  return {{"name", name}, {"value", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

/// The logging policy beside another: all its weights are 1.
bandit::WeightedRows as_logged(bandit::WeightedRows rows) {
  rows.weight.assign(rows.size(), 1);
  return rows;
}

/// From the paired difference of the learned and the uniform policy.
std::string verdict_of(const stats::Interval& gain, bandit::VerdictLevel weights) {
  if (weights == bandit::VerdictLevel::kUnusable) return "unusable";
  if (gain.low > 0) return "better than uniform";
  if (gain.high < 0) return "worse than uniform";
  return "nothing learnable here";
}

}  // namespace

stats::Interval held_out_value(const SoftmaxNetwork& network, const LearningLog::HeldOut& held,
                               double level) {
  bandit::WeightedRows rows = held.weighed;
  for (std::int64_t begin = 0; begin < held.rows.size(); begin += kRowsAtOnce) {
    const LearningRows part =
        held.rows.slice(begin, std::min(kRowsAtOnce, held.rows.size() - begin));
    const at::Tensor p = network.probabilities(part.features);
    const at::Tensor w = p.gather(1, part.action.unsqueeze(1)).squeeze(1) / part.propensity;
    rows.weight.insert(rows.weight.end(), w.data_ptr<double>(), w.data_ptr<double>() + w.numel());
  }
  bandit::EstimateAccumulator value({.kind = bandit::Estimator::kBetaIps});
  value.add(rows);
  return interval_of(value.finish(), bandit::IntervalKind::kDelta, level);
}

Json judge_policy(const LearningLog& log, const bandit::SoftmaxPolicyData& policy, double level) {
  const bandit::SoftmaxPolicy learned(policy);
  const bandit::UniformPolicy uniform(log.actions());
  bandit::EstimateAccumulator of_learned({.kind = bandit::Estimator::kBetaIps});
  bandit::EstimateAccumulator of_uniform({.kind = bandit::Estimator::kBetaIps});
  bandit::EstimateAccumulator of_logging({.kind = bandit::Estimator::kIps});
  bandit::DifferenceAccumulator over_uniform, over_logging;
  bandit::DiagnosticsAccumulator weights;
  bandit::LogReader reader = log.open(Part::kJudge);
  while (const std::optional<bandit::LogBlock> block = reader.next()) {
    if (interrupted()) throw stopped("the log");
    const bandit::WeightedRows a = bandit::weigh(*block, learned, nullptr);
    const bandit::WeightedRows b = bandit::weigh(*block, uniform, nullptr);
    of_learned.add(a);
    of_uniform.add(b);
    of_logging.add(as_logged(a));
    over_uniform.add(a, b);
    over_logging.add(a, as_logged(a));
    weights.add(a);
  }
  if (reader.rows() == 0) {
    throw Error("holdout", "leaves no row to judge by", "raise it, or log more");
  }
  const auto by_delta = [&](const auto& sums) {
    return interval_of(sums.finish(), bandit::IntervalKind::kDelta, level);
  };
  const stats::Interval gain = by_delta(over_uniform);
  const bandit::Diagnostics d = weights.finish();
  const bandit::Verdict usable = bandit::judge(d);
  Json json;
  json["estimates"] = {
      row_of("learned", by_delta(of_learned)), row_of("uniform", by_delta(of_uniform)),
      row_of("logging", interval_of(of_logging.finish(), bandit::IntervalKind::kStudentT, level)),
      row_of("learned - uniform", gain), row_of("learned - logging", by_delta(over_logging))};
  json["diagnostics"] = {
      {"rows", d.rows},
      {"units", d.units},
      {"effective_rows", d.effective_rows},
      {"mean_weight", d.mean_weight},
      {"mean_weight_error", d.mean_weight_error},
      {"largest_weight", d.largest_weight},
      {"largest_share", d.largest_share},
      {"weights", name_of(usable.level)},
      {"reasons", usable.reasons},
      {"propensities", log.has_estimated_propensities() ? "estimated" : "logged"},
      {"level", level}};
  json["verdict"] = verdict_of(gain, usable.level);
  return json;
}

}  // namespace loopline::bandit_learning
