#include <algorithm>
#include <cmath>

#include "loopline/bandit/page.h"
#include "loopline/report/document.h"
#include "loopline/report/html_table.h"
#include "loopline/report/interval_bar.h"
#include "loopline/report/plot_grid.h"
#include "page_parts.h"

namespace loopline::bandit {
namespace {

using namespace report::page;  // what pages are built from

std::optional<Estimate> value_of(const Json& row) {
  const auto value = number(find(row, {"value"}));
  if (!value) return std::nullopt;
  return Estimate{*value, number(find(row, {"low"})), number(find(row, {"high"}))};
}

const char* words_of(const std::string& verdict) {
  if (verdict == "unusable") return "Unusable: do not act on these numbers.";
  if (verdict == "doubtful") return "Doubtful: treat these numbers with care.";
  return "Usable: nothing in the weights speaks against these numbers.";
}

std::string lead(const Json& result) {
  std::string content = element("p", words_of(text(find(result, {"verdict"}))));
  for (const std::string& reason : texts(find(result, {"reasons"}))) {
    content += element("p", escape(reason));
  }
  return element("div", "class=\"findings\"", content) + "\n";
}

std::string value_row(const Json& row, const BarScale& scale, int decimals, int colour) {
  std::string name = text(find(row, {"name"}));
  if (const auto parameter = number(find(row, {"parameter"}))) {
    name += "(" + shortest(*parameter) + ")";
  }
  std::string notes;
  for (const std::string& note : texts(find(row, {"notes"}))) {
    notes += (notes.empty() ? "" : "; ") + note;
  }
  const auto value = value_of(row);
  std::string cells = element("th", "scope=\"row\"", element("code", escape(name)));
  cells += estimate_cell("value", value, decimals);
  cells += element("td", "class=\"bar\"",
                   value ? interval_bar(*value, scale, series_class(colour)) : "");
  cells += number_cell(number(find(row, {"standard_error"})));
  cells += number_cell(number(find(row, {"baseline"})));
  cells += element("td", "class=\"word\"",
                   escape(text(find(row, {"interval"}))) + element("small", escape(notes)));
  return element("tr", cells) + "\n";
}

std::string values_section(const Json& result) {
  const Json* rows = find(result, {"estimates"});
  if (rows == nullptr) return "";
  const auto logging = number(find(result, {"diagnostics", "mean_reward"}));
  std::vector<Estimate> values;
  double largest = 0;
  for (const Json& row : *rows) {
    if (const auto value = value_of(row)) {
      values.push_back(*value);
      largest = std::max(largest, std::abs(value->mean));
    }
  }
  if (values.empty()) return "";
  const BarScale scale = bar_scale(values, logging);
  std::string body;
  int colour = 0;
  for (const Json& row : *rows) {
    body += value_row(row, scale, std::min(9, decimals_for(largest) + 1), colour++);
  }
  const std::string head = heading("estimator") + heading("value") + heading(bar_heading(scale)) +
                           heading("standard error") + heading("baseline b") +
                           word_heading("interval, notes");
  const std::string level =
      decimal(100 * number(find(rows->front(), {"level"})).value_or(0.95), 0) + " %";
  return element("p", "What the policy would have earned a decision, with " + level +
                          " intervals. The dashed line is the mean reward of the log, which is the "
                          "value of the policy that logged" +
                          (logging ? ": " + shortest(*logging) : "") + ".") +
         table("id=\"values\"", "", element("tr", head), body);
}

/// Shares of rows, and of weight, on the axis of log2 w.
report::PlotLine steps(const Json& bins, const char* key, const char* label, int colour) {
  report::PlotLine line;
  line.label = label;
  line.colour = colour;
  line.is_steps = true;
  double all = 0;
  for (const Json& bin : bins) all += number(find(bin, {key})).value_or(0);
  double end = 0;
  for (const Json& bin : bins) {
    const double high = number(find(bin, {"high"})).value_or(0);
    const double low = std::max(number(find(bin, {"low"})).value_or(0), high / std::sqrt(2.0));
    line.x.push_back(low);
    line.y.push_back(all > 0 ? number(find(bin, {key})).value_or(0) / all : 0);
    end = high > 0 ? high : low * std::sqrt(2.0);
  }
  line.x.push_back(end);
  line.y.push_back(0);
  return line;
}

std::string weights_section(const Json& result) {
  const Json* d = find(result, {"diagnostics"});
  if (d == nullptr) return "";
  std::string content = element(
      "p",
      "Each row of the log counts by the weight w = pi / pi_0 of its action. An estimate rests on "
      "the rows where the weight is: look for few rows that carry most of it.");
  content += facts_list({{"rows", number_text(*d, "rows")},
                         {"effective rows", number_text(*d, "effective_rows")},
                         {"mean weight (should be 1)", number_text(*d, "mean_weight")},
                         {"its standard error", number_text(*d, "mean_weight_error")},
                         {"largest weight", number_text(*d, "largest_weight")},
                         {"share of the heaviest row", number_text(*d, "largest_share")},
                         {"rewarded rows with weight", number_text(*d, "rewarded_rows")}});
  const Json* bins = find(result, {"weights"});
  if (bins == nullptr || bins->empty()) return content;
  report::Plot plot;
  plot.title = "share of rows, and of all weight, by weight";
  plot.x_label = "w, two bins an octave";
  plot.log_x = true;
  plot.lines = {steps(*bins, "rows", "rows", 0), steps(*bins, "weight", "weight", 1)};
  return content + report::plot_grid({plot});
}

std::string loggers_section(const Json& result) {
  const Json* loggers = find(result, {"loggers"});
  if (loggers == nullptr) return "";
  std::string body;
  for (const Json& logger : *loggers) {
    std::string cells = element("th", "scope=\"row\"", escape(text(find(logger, {"logger"}))));
    for (const char* key : {"rows", "effective_rows", "mean_weight", "largest_weight",
                            "mean_reward", "ips", "ips_standard_error"}) {
      cells += number_cell(number(find(logger, {key})));
    }
    body += element("tr", cells) + "\n";
  }
  std::string head;
  for (const char* title : {"logger", "rows", "effective rows", "mean weight", "largest weight",
                            "mean reward", "ips", "its standard error"}) {
    head += heading(title);
  }
  return table("id=\"loggers\"", "", element("tr", head), body);
}

std::string log_section(const Json& result) {
  std::vector<Fact> facts;
  for (const char* part : {"policy", "model", "log"}) {
    const Json* json = find(result, {part});
    if (json == nullptr) continue;
    for (const auto& [key, value] : json->items()) {
      if (value.is_array() && value.empty()) continue;
      facts.push_back({std::string(part) + " " + key, plain_text(value)});
    }
  }
  return facts_list(facts);
}

}  // namespace

std::string estimate_page(const nlohmann::ordered_json& result, const std::string& command) {
  return report::render_document({.title = "The value of a policy from a log",
                                  .lead = lead(result),
                                  .sections = {{"values", "Values", values_section(result)},
                                               {"weights", "Weights", weights_section(result)},
                                               {"loggers", "By logger", loggers_section(result)},
                                               {"log", "Policy and log", log_section(result)},
                                               {"origin", "Origin", origin(command)}}});
}

}  // namespace loopline::bandit
