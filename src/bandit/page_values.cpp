#include "page_values.h"

#include <algorithm>
#include <cmath>

#include "loopline/report/interval_bar.h"

namespace loopline::bandit::page {
namespace {

std::optional<Estimate> value_of(const Json& row) {
  const std::optional<double> value = number(find(row, {"value"}));
  if (!value) return std::nullopt;
  return Estimate{*value, number(find(row, {"low"})), number(find(row, {"high"}))};
}

/// Digits that tell the ends of the narrowest interval apart, as far as a table can show them.
int decimals_of(const std::vector<Estimate>& values) {
  double narrowest = std::abs(values.front().mean);
  for (const Estimate& value : values) {
    const double width = value.has_interval() ? *value.high - *value.low : 0;
    if (width > 0) narrowest = std::min(narrowest, width);
  }
  return std::clamp(2 - static_cast<int>(std::floor(std::log10(std::max(narrowest, 1e-9)))), 0, 9);
}

int colour_of(const std::string& name, const std::vector<std::string>& names) {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

std::string slope_text(const Json& row) {
  const Json* steps = find(row, {"slope"});
  if (steps == nullptr) return "";
  std::string tried;
  for (const Json& step : *steps) {
    tried += (tried.empty() ? "" : ", ") + number_text(step, "parameter");
  }
  return "tried: " + tried;
}

std::string notes_of(const Json& row) {
  std::string notes;
  for (const std::string& note : texts(find(row, {"notes"}))) {
    notes += (notes.empty() ? "" : "; ") + note;
  }
  const std::string slope = slope_text(row);
  return notes + (notes.empty() || slope.empty() ? "" : "; ") + slope;
}

std::string value_row(const Json& row, const ValueTable& about, const BarScale& scale,
                      int decimals) {
  const std::string name = text(find(row, {"name"}));
  const int colour = colour_of(name, about.swatch);
  std::string cells;
  if (about.estimator != "name") {
    cells += element("th", "scope=\"row\"", series_key(colour) + element("bdi", escape(name)));
    cells += element("td", "class=\"word\"",
                     element("code", escape(estimator_name(row, about.estimator.c_str()))));
  } else {
    cells += element("th", "scope=\"row\"", element("code", escape(estimator_name(row, "name"))));
  }
  const std::optional<Estimate> value = value_of(row);
  cells += estimate_cell("value", value, decimals, about.is_difference);
  cells += element("td", "class=\"bar\"",
                   value ? interval_bar(*value, scale, series_class(std::max(colour, 0))) : "");
  cells += number_cell(row, "standard_error") + number_cell(row, "baseline");
  cells += element("td", "class=\"word\"",
                   escape(text(find(row, {"interval"}))) + element("small", escape(notes_of(row))));
  return element("tr", cells) + "\n";
}

}  // namespace

std::string value_table(const Json& rows, const ValueTable& about) {
  std::vector<Estimate> values;
  for (const Json& row : rows) {
    if (const auto value = value_of(row)) values.push_back(*value);
  }
  if (values.empty()) return "";
  const BarScale scale = bar_scale(values, about.mark);
  const int decimals = decimals_of(values);
  std::string body;
  for (const Json& row : rows) body += value_row(row, about, scale, decimals);
  std::string head = heading(about.first);
  if (about.estimator != "name") head += word_heading("estimator");
  head += heading(about.is_difference ? "difference" : "value") + heading(bar_heading(scale)) +
          heading("standard error") + heading("baseline b") + word_heading("interval, notes");
  return table("id=\"" + about.id + "\"", "", element("tr", head), body);
}

std::string level_text(const Json& rows) {
  return shortest(100 * number(find(rows.front(), {"level"})).value_or(0)) + " %";
}

}  // namespace loopline::bandit::page
