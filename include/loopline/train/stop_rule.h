#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/train/config.h"

namespace loopline::train {

/// Ends a run when a metric reaches its target. A function of the logged metrics alone, so a
/// resumed run stops where the straight one does.
class StopRule {
 public:
  /// `known` are the metrics that the run will log; another name is an Error with the nearest one.
  /// Without a target nothing is ever reached.
  StopRule(const TrainConfig::Stop& options, const std::vector<std::string>& known);

  /// A line of metrics.jsonl or evaluations.jsonl, in their order.
  void see(const nlohmann::json& line);

  /// "reward/mean 0.812 >= 0.8 (mean of 5 iterations)", once the target is reached.
  std::optional<std::string> reached() const;

 private:
  TrainConfig::Stop options_;
  bool of_evaluation_ = false;
  std::deque<double> latest_;
};

}  // namespace loopline::train
