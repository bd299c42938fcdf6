#include "report_view.h"

#include <limits>

#include "differences.h"

namespace loopline::report::summary {
namespace {

const Json* find_score(const Json& splits, const Json& report, const std::string& metric) {
  const auto split = splits.find(report["split"].get<std::string>());
  if (split == splits.end()) return nullptr;
  const auto score = split->find(metric);
  return score == split->end() || (*score)["mean"].is_null() ? nullptr : &*score;
}

stats::Interval interval_of(const Json& mean, const Json& low, const Json& high) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {mean.get<double>(), low.is_null() ? -kInfinity : low.get<double>(),
          high.is_null() ? kInfinity : high.get<double>()};
}

}  // namespace

std::vector<ArmView> arms_of(const Json& report, const std::string& group) {
  std::vector<ArmView> arms;
  for (const auto& [name, arm] : report["algorithms"].items()) {
    if (!group.empty() && (arm["group"] == "updates") != (group == "updates")) continue;
    arms.push_back({name, &arm, score_of(report, arm, report["metric"].get<std::string>())});
  }
  return arms;
}

const Json* score_of(const Json& report, const Json& arm, const std::string& metric) {
  return find_score(arm["splits"], report, metric);
}

const Json* base_score(const Json& report, const std::string& metric) {
  const Json& base = report["base"];
  return base.is_null() ? nullptr : find_score(base["splits"], report, metric);
}

std::string gain_verdict(const Json* score) {
  if (!score || (*score)["gain"].is_null() || (*score)["gain"]["mean"].is_null()) return "";
  const Json& gain = (*score)["gain"];
  return verdict(interval_of(gain["mean"], gain["low"], gain["high"]),
                 interval_of(gain["mean"], gain["t_low"], gain["t_high"]));
}

}  // namespace loopline::report::summary
