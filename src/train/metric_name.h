#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace loopline::train {

/// An Error that names config option `option` when `metric` is none of `known`.
void check_metric(const std::string& option, const std::string& metric,
                  const std::vector<std::string>& known);

/// Whether a metric is logged by evaluations ("eval/SPLIT/NAME"), not by every iteration.
inline bool is_of_evaluation(const std::string& metric) { return metric.starts_with("eval/"); }

/// The number that a line of a log has under this name, if it has one.
std::optional<double> metric_value(const nlohmann::json& line, const std::string& metric);

}  // namespace loopline::train
