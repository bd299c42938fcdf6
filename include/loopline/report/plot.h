#pragma once

#include <string>
#include <vector>

namespace loopline::report {

enum class PlotStyle {
  kLine,
  kSteps,   ///< a histogram's: from each x to the next at the height y, filled
  kCircles  ///< hollow, one a point: figures of others beside a line of the same colour
};

/// A line with a band around it. `low` and `high` are empty where there is no band.
struct PlotLine {
  std::string label{};
  int colour = 0;  ///< index into the palette, the same for one arm on all plots
  std::vector<double> x{}, y{}, low{}, high{};
  PlotStyle style = PlotStyle::kLine;
};

/// A horizontal line.
struct PlotLevel {
  std::string label;
  double y = 0;
  bool dotted = false;  ///< dashes and dots instead of dashes, to tell two levels apart
};

struct Plot {
  std::string title{}, x_label{}, y_label{};
  std::vector<PlotLine> lines{};
  std::vector<PlotLevel> levels{};    ///< what the lines are held against: base, target
  bool log_x = false, log_y = false;  ///< points that are not positive are left out
};

/// Pixels of a plot among others on a page.
constexpr int kPagePlotWidth = 520, kPagePlotHeight = 270;

/// Whether the gnuplot program is there.
bool can_plot();

/// An <svg> element to put into a page, drawn by gnuplot (Debian: gnuplot-nox). Colours are CSS
/// variables of the page (--line, --series-0 ... --series-7) and its own text colour, so it follows
/// light and dark. It has no legend: one of the page serves all its plots. No lines with two
/// points: an empty string. Without gnuplot, or when it fails: an Error (exit 1).
std::string plot_svg(const Plot& plot, int width = 560, int height = 340);

/// The same as an SVG document of its own, for a paper: the light colours of the page on white, and
/// a legend on the right, by which it is wider than `width`; many lines make it higher.
std::string plot_document(const Plot& plot, int width = 560, int height = 340);

}  // namespace loopline::report
