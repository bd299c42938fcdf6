#include "page_plots.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "page_table.h"

namespace loopline::report::page {
namespace {

/// Units for seconds, so that ticks are small numbers.
struct Unit {
  std::string label;
  double size = 1;
};

Unit unit_of(const std::string& axis, double largest) {
  if (axis == "images") return {"images trained on", 1};
  if (axis == "updates") return {"optimiser updates", 1};
  if (largest > 3 * 3600) return {"hours", 3600};
  if (largest > 3 * 60) return {"minutes", 60};
  return {"seconds", 1};
}

std::vector<double> values(const Json& curve, const std::string& key, double unit = 1) {
  std::vector<double> result;
  const Json* list = find(curve, {key});
  if (list == nullptr || !list->is_array()) return result;
  for (const Json& entry : *list) {
    result.push_back(number(&entry).value_or(std::numeric_limits<double>::quiet_NaN()) / unit);
  }
  return result;
}

/// What a logged name is called in evaluations: "judge/oracle_joint" measures "oracle_joint".
std::string evaluated_name(const std::string& logged) {
  if (logged == "reward/mean") return "reward";
  if (logged == "image/diversity") return "diversity";
  return logged.starts_with("judge/") ? logged.substr(6) : logged;
}

std::vector<PlotLevel> levels(const Json& report, const std::string& metric) {
  std::vector<PlotLevel> result;
  const std::string name = evaluated_name(metric), split = text(find(report, {"split"}));
  if (const auto base = estimate(find(report, {"base", "splits", split, name}))) {
    result.push_back({.label = "before training", .y = base->mean});
  }
  if (name != text(find(report, {"metric"}))) return result;
  if (const auto target = number(find(report, {"target"}))) {
    result.push_back({.label = "target", .y = *target, .dotted = true});
  }
  return result;
}

/// Points without bounds, or without a partner, are no reason to fail: a run may be under way.
std::optional<PlotLine> plot_line(const Json& curve, const std::string& arm, double unit) {
  PlotLine line{.label = arm,
                .colour = 0,
                .x = values(curve, "x", unit),
                .y = values(curve, "mean"),
                .low = values(curve, "low"),
                .high = values(curve, "high")};
  if (line.x.size() != line.y.size()) return std::nullopt;
  if (line.low.size() != line.y.size() || line.high.size() != line.y.size()) {
    line.low.clear();
    line.high.clear();
  }
  return line;
}

/// One colour an arm on all plots: those of the tables, then those of arms without an evaluation so
/// far.
std::map<std::string, int> colours_of(const Json& report) {
  std::map<std::string, int> colours;
  for (const Row& row : arm_rows(report, "")) colours.emplace(row.name, row.colour);
  for (const std::string& metric : plotted_metrics(report)) {
    const Json* arms = find(report, {"curves", metric, "images"});
    if (arms == nullptr || !arms->is_object()) continue;
    for (const auto& [name, ignored] : arms->items()) {
      colours.emplace(name, static_cast<int>(colours.size()));
    }
  }
  return colours;
}

}  // namespace

std::vector<std::string> plotted_metrics(const Json& report) {
  std::vector<std::string> names;
  const Json* curves = find(report, {"curves"});
  if (curves == nullptr || !curves->is_object()) return names;
  for (const auto& [name, ignored] : curves->items()) names.push_back(name);
  const std::string headline = text(find(report, {"metric"}));
  std::stable_partition(names.begin(), names.end(),
                        [&](const std::string& name) { return evaluated_name(name) == headline; });
  return names;
}

Plot metric_plot(const Json& report, const std::string& metric, const std::string& axis) {
  Plot plot{.title = metric, .x_label = "", .y_label = "", .lines = {}, .levels = {}};
  const Json* arms = find(report, {"curves", metric, axis});
  if (arms == nullptr || !arms->is_object()) return plot;
  double largest = 0;
  for (const auto& [name, curve] : arms->items()) {
    for (const double x : values(curve, "x")) largest = x > largest ? x : largest;
  }
  const Unit unit = unit_of(axis, largest);
  std::map<std::string, int> colours = colours_of(report);
  for (const auto& [name, curve] : arms->items()) {
    std::optional<PlotLine> line = plot_line(curve, name, unit.size);
    if (!line) continue;
    line->colour = colours.emplace(name, static_cast<int>(colours.size())).first->second;
    plot.lines.push_back(std::move(*line));
  }
  plot.x_label = unit.label;
  plot.levels = levels(report, metric);
  return plot;
}

}  // namespace loopline::report::page
