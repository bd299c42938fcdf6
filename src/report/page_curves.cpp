#include <algorithm>

#include "loopline/report/plot_grid.h"
#include "page_plots.h"
#include "page_sections.h"

namespace loopline::report::page {
namespace {

struct Axis {
  std::string name;   ///< in the report
  std::string label;  ///< of the choice
};

const std::vector<Axis>& axes() {
  static const std::vector<Axis> all = {
      {"images", "images"}, {"updates", "updates"}, {"seconds", "time"}};
  return all;
}

/// Works without scripts: the inputs are siblings of what they switch.
std::string axis_choice(const std::vector<Axis>& shown) {
  std::string choice = element("span", "class=\"quiet\"", "Against");
  std::string inputs;
  for (const Axis& axis : shown) {
    const std::string id = "axis-" + axis.name;
    inputs += "<input type=\"radio\" name=\"axis\" id=\"" + id + "\"" +
              (inputs.empty() ? " checked" : "") + "><label for=\"" + id + "\">" + axis.label +
              "</label>";
  }
  return choice + inputs;
}

/// All metrics, each against all axes.
std::string all_plots(const Json& report, const std::vector<std::string>& metrics) {
  std::string figures;
  std::vector<Axis> shown;
  Legend legend;
  for (const std::string& metric : metrics) {
    std::string plots;
    for (const Axis& axis : axes()) {
      const Plot plot = metric_plot(report, metric, axis.name);
      const std::string svg = plot_svg(plot, kPagePlotWidth, kPagePlotHeight);
      if (svg.empty()) continue;
      legend.add(plot);
      plots += element("div", "class=\"by-" + axis.name + "\"", svg);
      const auto same = [&](const Axis& other) { return other.name == axis.name; };
      if (std::none_of(shown.begin(), shown.end(), same)) shown.push_back(axis);
    }
    if (!plots.empty()) figures += element("figure", plots) + "\n";
  }
  if (figures.empty()) return "";
  return element(
             "p",
             "Means over the seeds on the images of training, which are drawn with noise; "
             "bands are 95 % intervals over the seeds. The horizontal lines are measured on the "
             "evaluation prompts.") +
         element("div", "class=\"axes\"",
                 axis_choice(shown) + legend.markup() +
                     element("div", "class=\"plots\"", "\n" + figures));
}

}  // namespace

std::string curves_section(const Json& report) {
  const std::vector<std::string> metrics = plotted_metrics(report);
  if (metrics.empty()) return "";
  return drawn_or_notice([&] { return all_plots(report, metrics); });
}

}  // namespace loopline::report::page
