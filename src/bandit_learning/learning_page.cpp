#include <algorithm>
#include <cmath>

#include "loopline/bandit_learning/learning_report.h"
#include "loopline/report/document.h"
#include "loopline/report/html_table.h"
#include "loopline/report/interval_bar.h"
#include "loopline/report/plot_grid.h"

namespace loopline::bandit_learning {
namespace page {
namespace {

using namespace report::page;  // what pages are built from

std::string label_of(const Json& run, int colour) {
  return element("span", "class=\"key " + series_class(colour) + "\" aria-hidden=\"true\"", "") +
         element("bdi", escape(text(find(run, {"name"}))));
}

/// {"value", "low", "high"} of a row of a summary.
std::optional<Estimate> value_of(const Json& row) {
  const std::optional<double> value = number(find(row, {"value"}));
  if (!value) return std::nullopt;
  return Estimate{*value, number(find(row, {"low"})), number(find(row, {"high"}))};
}

std::string verdict_of_run(const Json& run) {
  const std::string name = element("bdi", escape(text(find(run, {"name"}))));
  const std::string epochs = count(run.at("epochs").get<double>());
  const std::string verdict = text(find(run, {"summary", "verdict"}));
  if (verdict.empty()) {
    return element(
        "p", name + ": " + element("strong", "not finished") + ", " + epochs + " epochs so far.");
  }
  const char* advice = verdict == "unusable" ? " (do not act on these numbers)" : "";
  std::string content =
      element("p", name + ": " + element("strong", escape(verdict)) + advice + ", on " +
                       count(number(find(run, {"summary", "diagnostics", "rows"})).value_or(0)) +
                       " rows that nothing was fitted to; the policy of epoch " +
                       count(run.at("best_epoch").get<double>()) + " of " + epochs + ".");
  std::string reasons;
  for (const std::string& reason : texts(find(run, {"summary", "diagnostics", "reasons"}))) {
    reasons += element("li", escape(reason));
  }
  if (!reasons.empty()) content += element("ul", reasons);
  if (text(find(run, {"summary", "diagnostics", "propensities"})) == "estimated") {
    content +=
        element("p", "Estimated propensities: what their model gets wrong is in no interval.");
  }
  return content;
}

struct JudgedRow {
  const Json* run = nullptr;
  const Json* row = nullptr;
  int colour = 0;
};

/// Values, or (`of_differences`) differences, of all runs.
std::string judged_table(const Json& runs, bool of_differences) {
  std::vector<JudgedRow> rows;
  std::vector<Estimate> values;
  int colour = 0;
  for (const Json& run : runs) {
    const Json* estimates = find(run, {"summary", "estimates"});
    for (std::size_t i = 0; estimates != nullptr && i < estimates->size(); ++i) {
      const Json& row = estimates->at(i);
      const bool is_difference = text(find(row, {"name"})).find(" - ") != std::string::npos;
      const std::optional<Estimate> value = value_of(row);
      if (is_difference != of_differences || !value) continue;
      rows.push_back({&run, &row, colour});
      values.push_back(*value);
    }
    ++colour;
  }
  if (rows.empty()) return "";
  const BarScale scale =
      bar_scale(values, of_differences ? std::optional<double>(0) : std::nullopt);
  std::string body;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string cells = element("th", "scope=\"row\"", label_of(*rows[i].run, rows[i].colour));
    cells += element("td", "class=\"word\"", escape(text(find(*rows[i].row, {"name"}))));
    cells += estimate_cell("value", values[i], 5, of_differences);
    cells += element("td", "class=\"bar\"",
                     interval_bar(values[i], scale, series_class(rows[i].colour)));
    body += element("tr", cells) + "\n";
  }
  const std::string head = heading("run") + word_heading(of_differences ? "difference" : "policy") +
                           heading("value") + heading(bar_heading(scale));
  return table(of_differences ? "id=\"differences\"" : "id=\"values\"", "", element("tr", head),
               body);
}

std::string judged(const Json& runs) {
  const std::string values = judged_table(runs, false);
  if (values.empty()) return "";
  return element("p",
                 "What the policies earn a decision, by beta-IPS on the rows that judge; of "
                 "the logging policy, the mean reward. A difference is paired, row by row: "
                 "what both policies have in common cancels.") +
         values + judged_table(runs, true);
}

std::vector<double> numbers_of(const Json& run, const std::string& name) {
  std::vector<double> values;
  const Json* list = find(run, {"curves", name});
  if (list == nullptr) return values;
  for (const Json& value : *list) values.push_back(number(&value).value_or(NAN));
  return values;
}

report::Plot plot_of(const Json& runs, const std::string& title, const std::string& name) {
  report::Plot plot{.title = title, .x_label = "epochs"};
  int colour = 0;
  for (const Json& run : runs) {
    report::PlotLine line{.label = text(find(run, {"name"})), .colour = colour++};
    line.x = numbers_of(run, "iteration");
    line.y = numbers_of(run, name);
    if (name == "heldout/value") {
      line.low = numbers_of(run, "heldout/low");
      line.high = numbers_of(run, "heldout/high");
    }
    if (line.y.size() == line.x.size()) plot.lines.push_back(std::move(line));
  }
  return plot;
}

std::string learning_curves(const Json& runs) {
  std::vector<report::Plot> plots = {
      plot_of(runs, "held-out value, with its interval", "heldout/value"),
      plot_of(runs, "mean of w r, rows learned from", "train/ips"),
      plot_of(runs, "mean of w, rows learned from", "train/mean_weight"),
      plot_of(runs, "baseline b in the gradient", "train/baseline"),
      plot_of(runs, "variance of the gradient, its trace", "gradient/variance"),
      plot_of(runs, "norm of the gradient", "gradient/norm")};
  plots[4].log_y = plots[5].log_y = true;
  return element("p",
                 "The value on rows that chose the epoch, by beta-IPS, is a little too high at "
                 "its best epoch: that was chosen by it. A mean weight of the rows learned "
                 "from far from 1 says that the policy leaves the log's support.") +
         report::plot_grid(plots);
}

/// Options of all runs; of several, those that differ.
std::string learning_settings(const Json& runs) {
  std::string head = heading("option"), body;
  int colour = 0;
  for (const Json& run : runs) head += word_heading(label_of(run, colour++));
  for (const auto& [option, ignored] : runs.front().at("settings").items()) {
    std::string cells = element("th", "scope=\"row\"", element("code", escape(option)));
    bool differs = runs.size() == 1;
    for (const Json& run : runs) {
      const std::string value = text(find(run, {"settings", option}));
      differs = differs || value != text(find(runs.front(), {"settings", option}));
      cells += element("td", "class=\"word\"", escape(value));
    }
    if (differs) body += element("tr", cells) + "\n";
  }
  return body.empty() ? "" : table("id=\"settings\"", "", element("tr", head), body);
}

}  // namespace
}  // namespace page

std::string learning_page(const nlohmann::ordered_json& report, const std::string& command) {
  using namespace page;
  const Json& runs = report.at("runs");
  std::string verdicts;
  for (const Json& run : runs) verdicts += verdict_of_run(run);
  return report::render_document(
      {.title = "Policies learned from a log",
       .lead = element("div", "class=\"findings\" id=\"verdict\"", verdicts) + "\n",
       .sections = {{"judged", "Judged", judged(runs)},
                    {"curves", "Learning curves", learning_curves(runs)},
                    {"options", "Options", learning_settings(runs)},
                    {"origin", "Origin",
                     element("p", "This page is made again by") +
                         element("pre", element("code", escape(command)))}}});
}

}  // namespace loopline::bandit_learning
