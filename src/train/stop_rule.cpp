#include "loopline/train/stop_rule.h"

#include <cstdio>

#include "metric_name.h"

namespace loopline::train {

StopRule::StopRule(const TrainConfig::Stop& options, const std::vector<std::string>& known)
    : options_(options), of_evaluation_(is_of_evaluation(options.metric)) {
  if (options.at_least || options.at_most) check_metric("stop.metric", options.metric, known);
}

void StopRule::see(const nlohmann::json& line) {
  const auto value = metric_value(line, options_.metric);
  if (!value) return;
  latest_.push_back(*value);
  const auto kept = of_evaluation_ ? 1 : static_cast<std::size_t>(options_.window);
  if (latest_.size() > kept) latest_.pop_front();
}

std::optional<std::string> StopRule::reached() const {
  const std::size_t needed = of_evaluation_ ? 1 : static_cast<std::size_t>(options_.window);
  if (latest_.size() < needed || (!options_.at_least && !options_.at_most)) return std::nullopt;
  double mean = 0;
  for (const double value : latest_) mean += value / static_cast<double>(latest_.size());
  const double target = options_.at_least ? *options_.at_least : *options_.at_most;
  if (options_.at_least ? mean < target : mean > target) return std::nullopt;
  char text[200];
  std::snprintf(text, sizeof text, "%s %.4g %s %.4g", options_.metric.c_str(), mean,
                options_.at_least ? ">=" : "<=", target);
  std::string line = text;
  if (needed > 1) line += " (mean of " + std::to_string(needed) + " iterations)";
  return line;
}

}  // namespace loopline::train
