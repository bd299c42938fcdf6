#include <algorithm>

#include "page_sections.h"
#include "page_table.h"

namespace loopline::report::page {
namespace {

/// Where the numbers of a split are: of the run's own evaluation, or of a condition.
std::vector<std::string> split_path(const std::string& condition, const std::string& split) {
  if (condition.empty()) return {"splits", split};
  return {"conditions", condition, split};
}

/// Every metric of a split, each with its gain over the base model.
std::string split_table(const Json& report, const std::string& condition, const std::string& split,
                        const std::string& id) {
  const std::vector<Row> rows = comparison_rows(report, "");
  std::vector<Column> columns;
  for (const std::string& metric : texts(find(report, {"metrics"}))) {
    std::vector<std::string> path = split_path(condition, split);
    path.push_back(metric);
    std::vector<std::string> gain = path;
    gain.push_back("gain");
    columns.push_back(gained_column(
        metric, breakable(metric), rows,
        [path](const Row& row) { return estimate(find(*row.json, path)); },
        [gain](const Row& row) -> std::optional<Estimate> {
          if (row.is_base) return std::nullopt;
          return estimate(find(*row.json, gain));
        }));
  }
  const bool empty = std::all_of(columns.begin(), columns.end(),
                                 [](const Column& column) { return column.is_empty; });
  return empty ? "" : comparison_table(id, "", rows, columns);
}

/// In the order of their first appearance.
std::vector<std::string> conditions_of(const Json& report) {
  std::vector<std::string> names;
  for (const Row& row : comparison_rows(report, "")) {
    const Json* conditions = find(*row.json, {"conditions"});
    if (conditions == nullptr || !conditions->is_object()) continue;
    for (const auto& [name, ignored] : conditions->items()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

/// "10 steps, eta 0, guidance 3, 6 images a prompt", of the first cell that drew so.
std::string way_of_drawing(const std::vector<Cell>& cells, const std::string& name) {
  for (const Cell& cell : cells) {
    for (const Evaluation& way : cell.evaluations) {
      if (way.name != name) continue;
      return count(static_cast<double>(way.steps)) + " steps, eta " + shortest(way.eta) +
             ", guidance " + shortest(way.guidance) + ", " +
             count(static_cast<double>(way.images_per_prompt)) + " images a prompt";
    }
  }
  return "";
}

}  // namespace

std::string splits_section(const Json& report) {
  std::string content;
  for (const std::string& split : texts(find(report, {"splits"}))) {
    const std::string table = split_table(report, "", split, "");
    if (!table.empty()) content += element("h3", escape(split)) + table;
  }
  if (content.empty()) return content;
  return element("p", "With a sign: the gain over the model before training, prompt by prompt.") +
         content;
}

std::string conditions_section(const Json& report, const std::vector<Cell>& cells) {
  std::string content;
  for (const std::string& name : conditions_of(report)) {
    content += element("h3", escape(name));
    const std::string way = way_of_drawing(cells, name);
    if (!way.empty()) content += element("p", "class=\"quiet\"", way);
    for (const std::string& split : texts(find(report, {"splits"}))) {
      const std::string table = split_table(report, name, split, "");
      if (!table.empty()) content += element("h4", escape(split)) + table;
    }
  }
  const std::string own = way_of_drawing(cells, "default");
  if (content.empty() || own.empty()) return content;
  return element("p", "The tables above were drawn with " + own + ".") + content;
}

}  // namespace loopline::report::page
