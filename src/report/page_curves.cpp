#include <algorithm>
#include <map>

#include "interval_bar.h"
#include "loopline/core/error.h"
#include "page_plots.h"
#include "page_sections.h"

namespace loopline::report::page {
namespace {

constexpr int kPlotWidth = 520, kPlotHeight = 270;

struct Axis {
  std::string name;   ///< in the report
  std::string label;  ///< of the choice
};

const std::vector<Axis>& axes() {
  static const std::vector<Axis> all = {
      {"images", "images"}, {"updates", "updates"}, {"seconds", "time"}};
  return all;
}

/// What the lines of all plots are, said once: a plot with the names of a dozen arms is mostly
/// names.
class Legend {
 public:
  void add(const Plot& plot) {
    for (const PlotLine& line : plot.lines) {
      if (line.x.size() > 1) arms_.emplace(line.colour, line.label);
    }
    for (const PlotLevel& level : plot.levels) levels_.emplace(level.dotted, level.label);
  }

  std::string markup() const {
    std::string items;
    for (const auto& [colour, name] : arms_) items += item(series_class(colour), name);
    for (const auto& [dotted, name] : levels_)
      items += item(dotted ? "level dotted" : "level", name);
    return element("ul", "class=\"legend\"", items) + "\n";
  }

 private:
  static std::string item(const std::string& kind, const std::string& name) {
    return element("li", element("svg",
                                 "class=\"stroke " + kind +
                                     "\" width=\"28\" height=\"10\" aria-hidden=\"true\"",
                                 "<line x1=\"0\" y1=\"5\" x2=\"28\" y2=\"5\"/>") +
                             element("bdi", escape(name)));
  }

  std::map<int, std::string> arms_;     // by colour
  std::map<bool, std::string> levels_;  // by its kind of dashes
};

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
      const std::string svg = plot_svg(plot, kPlotWidth, kPlotHeight);
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
  if (!can_plot()) {
    return element("p", "class=\"notice\"",
                   "Curves need gnuplot: <code>apt-get install gnuplot-nox</code>, then "
                   "<code>loopline report</code> again.");
  }
  try {
    return all_plots(report, metrics);
  } catch (const Error& error) {
    // Hours of training are behind this report: its numbers do not wait for a picture.
    return element("p", "class=\"notice\"",
                   "Curves were not drawn: " + element("code", escape(error.what())));
  }
}

}  // namespace loopline::report::page
