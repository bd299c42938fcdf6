#include <algorithm>
#include <cmath>

#include "page_sections.h"
#include "page_table.h"

namespace loopline::report::page {
namespace {

/// A metric of a row on the headline split.
std::optional<Estimate> headline_value(const Json& report, const Row& row,
                                       const std::string& metric) {
  if (row.is_base) {
    return estimate(find(*row.json, {"splits", text(find(report, {"split"})), metric}));
  }
  return estimate(find(*row.json, {metric}));
}

/// A part of an arm that the base model has not.
ValueOf part(const std::vector<std::string>& path) {
  return [path](const Row& row) -> std::optional<Estimate> {
    if (row.is_base) return std::nullopt;
    return estimate(find(*row.json, path));
  };
}

/// A run that did not get there has trained on all its images: "> 12,800".
std::string images_to_target(const Row& row) {
  const Json* reached = row.is_base ? nullptr : find(*row.json, {"images_to_target"});
  if (reached == nullptr) return "–";
  const auto median = number(find(*reached, {"median"}));
  const auto censored = number(find(*reached, {"censored"})).value_or(0);
  const std::size_t runs = [&] {
    const Json* by_seed = find(*reached, {"by_seed"});
    return by_seed == nullptr ? std::size_t{0} : by_seed->size();
  }();
  if (median) {
    std::string shown = count(*median);
    if (censored > 0) {
      shown += element("small", "class=\"ci\"",
                       count(censored) + " of " + std::to_string(runs) + " never");
    }
    return shown;
  }
  const auto images = number(find(*row.json, {"budget", "images"}));
  return images ? "&gt; " + count(*images) : "not reached";
}

Column target_column(const Json& report, const std::vector<Row>& rows) {
  const auto target = number(find(report, {"target"}));
  Column column{.id = "images_to_target", .title = "images to target", .cells = {}};
  if (target) {
    column.title = "images to " + decimal(*target, decimals_for(std::abs(*target)));
    column.is_empty = false;
  }
  for (const Row& row : rows) {
    column.cells.push_back(
        element("td", "data-column=\"images_to_target\"", images_to_target(row)));
  }
  return column;
}

std::optional<double> minutes(const Row& row) {
  if (row.is_base) return std::nullopt;
  const auto seconds = number(find(*row.json, {"budget", "seconds"}));
  return seconds ? std::optional<double>(*seconds / 60) : std::nullopt;
}

std::vector<Column> result_columns(const Json& report, const std::vector<Row>& rows) {
  const std::string metric = text(find(report, {"metric"}));
  const std::string split = text(find(report, {"split"}));
  const auto metric_of = [&](const std::string& name) {
    return [&report, name](const Row& row) { return headline_value(report, row, name); };
  };
  std::optional<double> base;
  if (const auto row = base_row(report)) {
    if (const auto value = headline_value(report, *row, metric)) base = value->mean;
  }
  std::vector<Column> columns;
  columns.push_back(
      estimate_column(metric, breakable(metric), rows, metric_of(metric), false, true));
  columns.push_back(bar_column(rows, metric_of(metric), base));
  columns.push_back(estimate_column("gain", "gain over base", rows,
                                    part({"splits", split, metric, "gain"}), true));
  for (const std::string& name : texts(find(report, {"metrics"}))) {
    if (name == metric) continue;
    columns.push_back(estimate_column(name, breakable(name), rows, metric_of(name)));
  }
  columns.push_back(estimate_column("interquartile_mean", "inter&shy;quartile mean", rows,
                                    part({"interquartile_mean"})));
  columns.push_back(
      estimate_column("area_under_curve", "area under curve", rows, part({"area_under_curve"})));
  columns.push_back(target_column(report, rows));
  columns.push_back(number_column("minutes", "minutes a run", rows, minutes));
  return columns;
}

/// What a run spent, and how far training went by the measures of its last iterations.
std::vector<Column> effort_columns(const std::vector<Row>& rows) {
  const auto spent = [](const std::string& name) {
    return [name](const Row& row) { return number(find(*row.json, {"budget", name})); };
  };
  std::vector<Column> columns;
  for (const auto& [name, title] :
       {std::pair{"images", "images"}, std::pair{"updates", "updates"},
        std::pair{"sample_steps", "steps of the sampler"},
        std::pair{"reward_queries", "images rewarded"}, std::pair{"seconds", "seconds"}}) {
    columns.push_back(number_column(name, title, rows, spent(name)));
  }
  columns.push_back(estimate_column("kl_nats", "KL, nats", rows, part({"kl_nats"})));
  columns.push_back(estimate_column("watch_gap", "watch gap", rows, part({"watch_gap"})));
  columns.push_back(
      estimate_column("clip_fraction", "clip fraction", rows, part({"clip_fraction"})));
  return columns;
}

bool all_empty(const std::vector<Column>& columns) {
  return std::all_of(columns.begin(), columns.end(),
                     [](const Column& column) { return column.is_empty; });
}

/// Rows whose alarms stand below their names.
std::vector<Row> with_alarms(std::vector<Row> rows) {
  for (Row& row : rows) {
    const std::string alarms = text(find(*row.json, {"alarms"}));
    if (!alarms.empty()) row.note += element("span", "class=\"alarm\"", escape(alarms));
  }
  return rows;
}

/// Said only where it is so: a report may be of any runs.
std::string equal_images(const Json& report) {
  const std::string images = images_a_run(report);
  if (images.empty()) return "";
  const bool equal = images.find(' ') == std::string::npos;
  return (equal ? "Every arm has trained on "
                : "Arms have trained on different numbers of images, ") +
         images + (equal ? " images. " : ". ");
}

std::string headline(const Json& report) {
  return element("code", escape(text(find(report, {"metric"})))) + " on the prompts of " +
         element("code", escape(text(find(report, {"split"}))));
}

}  // namespace

std::string images_a_run(const Json& report) {
  std::vector<double> images;
  for (const Row& row : arm_rows(report, "")) {
    if (const auto spent = number(find(*row.json, {"budget", "images"}))) images.push_back(*spent);
  }
  if (images.empty()) return "";
  const auto [least, most] = std::minmax_element(images.begin(), images.end());
  return *least == *most ? count(*least) : count(*least) + " to " + count(*most);
}

std::string results_section(const Json& report) {
  const std::vector<Row> rows = comparison_rows(report, "main");
  if (rows.empty()) {
    return element("p", "class=\"quiet\"",
                   "No evaluation is finished yet; this table fills when one is.");
  }
  std::string content = element(
      "p", equal_images(report) + headline(report) +
               ", with 95 % intervals over seeds and prompts. The dashed line of the bars is the "
               "model before training.");
  content += comparison_table("results-table", "", rows, result_columns(report, rows));
  if (text(find(report, {"best"})).empty() && arm_rows(report, "main").size() > 1) {
    content += element("p", "class=\"quiet\"",
                       "No arm is set in bold: the best interval overlaps another.");
  }
  const std::vector<Row> updates = comparison_rows(report, "updates");
  if (!arm_rows(report, "updates").empty()) {
    content += element("h3", "id=\"updates\"", "At equal images and equal updates") +
               element("p",
                       "The same number of images, and as many optimiser steps as the arms with "
                       "the most: what is left of a difference is not the number of updates.") +
               comparison_table("updates-table", "", updates, result_columns(report, updates));
  }
  return content;
}

std::string effort_section(const Json& report) {
  const std::vector<Row> rows = with_alarms(arm_rows(report, ""));
  const std::vector<Column> columns = effort_columns(rows);
  if (all_empty(columns)) return "";
  return element("p",
                 "Means of a run. KL, gap and clip fraction are those of its last five iterations; "
                 "what the watch reported stands below an arm's name.") +
         comparison_table("effort-table", "", rows, columns);
}

}  // namespace loopline::report::page
