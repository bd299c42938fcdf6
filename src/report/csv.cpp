#include "intervals.h"
#include "loopline/report/summary.h"

namespace loopline::report {
namespace summary {
namespace {

/// Names are anyone's: quoted where they would be taken for something else.
std::string csv_name(const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) return name;
  std::string quoted = "\"";
  for (const char letter : name) {
    if (letter == '"') quoted += '"';
    quoted += letter;
  }
  return quoted + "\"";
}

/// ",mean,low,high"; nothing between the commas where there is no such number.
std::string csv_numbers(const Json& interval) {
  std::string text;
  for (const char* key : {"mean", "low", "high"}) {
    const bool is_there = interval.is_object() && !interval[key].is_null();
    text += "," + (is_there ? interval[key].dump() : "");
  }
  return text;
}

std::string csv_lines(const std::string& name, const std::string& group,
                      const std::string& condition, const Json& splits) {
  std::string text;
  for (const auto& [split, metrics] : splits.items()) {
    for (const auto& [metric, score] : metrics.items()) {
      text += csv_name(name) + "," + csv_name(group) + "," + csv_name(condition) + "," +
              csv_name(split) + "," + csv_name(metric) + csv_numbers(score) +
              csv_numbers(score.value("gain", Json())) + "\n";
    }
  }
  return text;
}

std::string csv_block(const std::string& name, const std::string& group, const Json& row) {
  std::string text = csv_lines(name, group, "default", row["splits"]);
  for (const auto& [condition, splits] : row["conditions"].items()) {
    text += csv_lines(name, group, condition, splits);
  }
  return text;
}

}  // namespace
}  // namespace summary

std::string to_csv(const nlohmann::ordered_json& report) {
  using namespace summary;
  std::string text =
      "algorithm,group,condition,split,metric,mean,low,high,gain_mean,gain_low,gain_high\n";
  if (!report["base"].is_null()) text += csv_block("base", "base", report["base"]);
  for (const auto& [name, arm] : report["algorithms"].items()) {
    text += csv_block(name, arm["group"].get<std::string>(), arm);
  }
  return text;
}

}  // namespace loopline::report
