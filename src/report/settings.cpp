#include "settings.h"

#include <algorithm>
#include <charconv>

namespace loopline::report::summary {
namespace {

// Of a run, not of an algorithm. A name with '.' at its end is a whole section.
constexpr const char* kOfARun[] = {"seed",        "iterations",  "device",
                                   "threads",     "hashes.",     "samples.",
                                   "sample_log.", "tensorboard", "checkpoint."};

bool is_of_a_run(const std::string& option) {
  return std::any_of(std::begin(kOfARun), std::end(kOfARun), [&](const std::string& name) {
    return name.back() == '.' ? option.starts_with(name) : option == name;
  });
}

/// Of all runs; where they differ, every value.
std::string value_of_arm(const Arm& arm, const std::string& option) {
  std::vector<std::string> values;
  for (const Cell* cell : arm.runs) {
    const std::string value = text_setting(*cell, option);
    if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
  }
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : " or ") + value;
  return text;
}

}  // namespace

std::string text_setting(const Cell& cell, const std::string& option) {
  for (const auto& [name, value] : cell.settings) {
    if (name == option) return value;
  }
  return "";
}

std::optional<double> number_setting(const Cell& cell, const std::string& option) {
  const std::string text = text_setting(cell, option);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Json settings_json(const Arms& arms) {
  std::vector<std::string> options;
  for (const Arm& arm : arms.list) {
    for (const auto& [name, value] : arm.runs.front()->settings) {
      const bool is_new = std::find(options.begin(), options.end(), name) == options.end();
      if (is_new && !is_of_a_run(name)) options.push_back(name);
    }
  }
  Json list = Json::array();
  for (const std::string& option : options) {
    Json values = Json::object();
    for (const Arm& arm : arms.list) values[arm.name] = value_of_arm(arm, option);
    const bool differ = std::any_of(values.begin(), values.end(),
                                    [&](const Json& value) { return value != *values.begin(); });
    if (differ) list.push_back({{"option", option}, {"values", values}});
  }
  return list;
}

Json versions_json(const std::vector<Cell>& cells) {
  Json seen = Json::object();
  for (const Cell& cell : cells) {
    if (!cell.versions.is_object()) continue;
    for (const auto& [key, value] : cell.versions.items()) {
      Json& values = seen[key];
      if (std::find(values.begin(), values.end(), value) == values.end()) values.push_back(value);
    }
  }
  Json versions = Json::object();
  for (const auto& [key, values] : seen.items()) {
    versions[key] = values.size() == 1 ? values.front() : values;
  }
  return versions;
}

}  // namespace loopline::report::summary
