#include "page_weights.h"

#include <algorithm>
#include <cmath>

#include "loopline/report/plot_grid.h"

namespace loopline::bandit::page {
namespace {

struct Bins {
  std::vector<double> low, rows, weight;
  double end = 0;
};

/// The first bin, which begins at 0, and the last one, which has no end, as wide as the others on
/// the logarithmic axis.
Bins bins_of(const Json& diagnostics) {
  Bins bins;
  const double ratio = std::sqrt(2.0);
  const Json* list = find(diagnostics, {"weight_histogram"});
  if (list == nullptr) return bins;
  for (const Json& bin : *list) {
    const double low = number(find(bin, {"low"})).value_or(0);
    const std::optional<double> high = number(find(bin, {"high"}));
    bins.low.push_back(low > 0 ? low : *high / ratio);
    bins.rows.push_back(number(find(bin, {"rows"})).value_or(0));
    bins.weight.push_back(number(find(bin, {"weight"})).value_or(0));
    bins.end = high.value_or(low * ratio);
  }
  return bins;
}

report::PlotLine steps_of(const std::string& name, int colour, const Bins& bins,
                          std::vector<double> heights, double foot) {
  report::PlotLine line{.label = name, .colour = colour, .style = report::PlotStyle::kSteps};
  if (heights.empty()) return line;
  for (double& height : heights) height = std::max(height, foot);
  line.x = bins.low;
  line.y = std::move(heights);
  line.x.push_back(bins.end);
  line.y.push_back(foot);
  return line;
}

std::vector<double> shares(std::vector<double> parts) {
  double all = 0;
  for (const double part : parts) all += part;
  for (double& part : parts) part = all > 0 ? part / all : 0;
  return parts;
}

constexpr double kNoRow = 0.5;  // the foot of a logarithmic axis of rows

}  // namespace

std::string weights_in_words(const Json& diagnostics) {
  const auto value = [&](const char* key) { return number(find(diagnostics, {key})); };
  const double rows = value("rows").value_or(0), effective = value("effective_rows").value_or(0);
  const double mean = value("mean_weight").value_or(0);
  const double error = value("mean_weight_error").value_or(0);
  std::string words = count(rows) + " rows count for as much as " + count(std::round(effective)) +
                      " of equal weight would (" +
                      decimal(rows > 0 ? 100 * effective / rows : 0, 1) + " %). ";
  words += "The mean weight, whose expectation is 1, is " + shortest(mean);
  if (error > 0) {
    words += ", " + decimal(std::abs(mean - 1) / error, 1) + " standard errors " +
             (mean < 1 ? "below" : "above");
  }
  words += ". The largest weight is " + number_text(diagnostics, "largest_weight") +
           "; one row holds up to " + shortest(100 * value("largest_share").value_or(0)) +
           " % of all weight. ";
  words += number_text(diagnostics, "rewarded_rows") +
           " rows have both a weight and a reward other than 0.";
  if (const auto clipped = value("clipped_share")) {
    words +=
        " " + shortest(100 * *clipped) + " % of rows have a weight above the clipping constant.";
  }
  return words;
}

std::string weight_plots(const std::vector<PolicyWeights>& policies) {
  const char* label = "w, two bins an octave";
  std::vector<report::Plot> plots(3);
  plots[0] = {.title = "share of rows", .x_label = label, .log_x = true};
  plots[1] = {.title = "share of all weight", .x_label = label, .log_x = true};
  plots[2] = {.title = "rows", .x_label = label, .log_x = true, .log_y = true};
  int colour = 0;
  for (const PolicyWeights& policy : policies) {
    const Bins bins = bins_of(*policy.diagnostics);
    plots[0].lines.push_back(steps_of(policy.name, colour, bins, shares(bins.rows), 0));
    plots[1].lines.push_back(steps_of(policy.name, colour, bins, shares(bins.weight), 0));
    plots[2].lines.push_back(steps_of(policy.name, colour, bins, bins.rows, kNoRow));
    ++colour;
  }
  return element("p",
                 "Each row of the log counts by the weight w = π(a|x) / π₀(a|x) of its action, new "
                 "policy over logging policy. An estimate rests on the rows where the weight is: "
                 "look for few rows that carry much of it, far to the right. The leftmost bin "
                 "of a policy may hold rows of weight 0.") +
         report::plot_grid(plots);
}

std::string weight_table(const std::vector<PolicyWeights>& policies) {
  static const std::pair<const char*, const char*> kColumns[] = {
      {"effective_rows", "effective rows"},           {"mean_weight", "mean weight"},
      {"mean_weight_error", "its standard error"},    {"largest_weight", "largest weight"},
      {"largest_share", "share of the heaviest row"}, {"rewarded_rows", "rewarded rows"}};
  std::string head = heading("policy"), body;
  for (const auto& [key, title] : kColumns) head += heading(title);
  for (const PolicyWeights& policy : policies) {
    std::string cells = element("th", "scope=\"row\"", element("bdi", escape(policy.name)));
    for (const auto& [key, title] : kColumns) cells += number_cell(*policy.diagnostics, key);
    body += element("tr", cells) + "\n";
  }
  return table("id=\"weights-table\"", "", element("tr", head), body);
}

std::string logger_table(const Json* loggers, const std::string& id) {
  if (loggers == nullptr) return "";
  static const std::pair<const char*, const char*> kColumns[] = {
      {"rows", "rows"},
      {"effective_rows", "effective rows"},
      {"mean_weight", "mean weight"},
      {"largest_weight", "largest weight"},
      {"mean_reward", "mean reward"},
      {"ips", "ips"},
      {"ips_standard_error", "its standard error"}};
  std::string head = heading("logger"), body;
  for (const auto& [key, title] : kColumns) head += heading(title);
  for (const Json& logger : *loggers) {
    std::string cells =
        element("th", "scope=\"row\"", element("bdi", escape(text(find(logger, {"logger"})))));
    for (const auto& [key, title] : kColumns) cells += number_cell(logger, key);
    body += element("tr", cells) + "\n";
  }
  return table("id=\"" + escape(id) + "\"", "", element("tr", head), body);
}

}  // namespace loopline::bandit::page
