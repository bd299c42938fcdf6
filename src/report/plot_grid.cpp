#include "loopline/report/plot_grid.h"

#include "loopline/core/error.h"
#include "loopline/report/html.h"
#include "loopline/report/interval_bar.h"

namespace loopline::report {
namespace {

using page::element;

std::string legend_item(const std::string& kind, const std::string& name) {
  return element(
      "li", element("svg",
                    "class=\"stroke " + kind + "\" width=\"28\" height=\"10\" aria-hidden=\"true\"",
                    "<line x1=\"0\" y1=\"5\" x2=\"28\" y2=\"5\"/>") +
                element("bdi", page::escape(name)));
}

}  // namespace

void Legend::add(const Plot& plot) {
  for (const PlotLine& line : plot.lines) {
    if (line.x.size() > 1 && line.style != PlotStyle::kCircles)
      lines_.emplace(line.colour, line.label);
  }
  for (const PlotLevel& level : plot.levels) levels_.emplace(level.dotted, level.label);
}

std::string Legend::markup() const {
  std::string items;
  for (const auto& [colour, name] : lines_) items += legend_item(page::series_class(colour), name);
  for (const auto& [dotted, name] : levels_) {
    items += legend_item(dotted ? "level dotted" : "level", name);
  }
  return element("ul", "class=\"legend\"", items) + "\n";
}

std::string drawn_or_notice(const std::function<std::string()>& draw) {
  if (!can_plot()) {
    return element("p", "class=\"notice\"",
                   "Curves need gnuplot: <code>apt-get install gnuplot-nox</code>, then "
                   "the same command again.");
  }
  try {
    return draw();
  } catch (const Error& error) {
    return element("p", "class=\"notice\"",
                   "Curves were not drawn: " + element("code", page::escape(error.what())));
  }
}

std::string plot_grid(const std::vector<Plot>& plots) {
  return drawn_or_notice([&] {
    std::string figures;
    Legend legend;
    for (const Plot& plot : plots) {
      const std::string svg = plot_svg(plot, kPagePlotWidth, kPagePlotHeight);
      if (svg.empty()) continue;
      legend.add(plot);
      figures += element("figure", svg) + "\n";
    }
    if (figures.empty()) return figures;
    return legend.markup() + element("div", "class=\"plots\"", "\n" + figures);
  });
}

}  // namespace loopline::report
