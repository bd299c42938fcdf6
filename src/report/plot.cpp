#include "loopline/report/plot.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "gnuplot_svg.h"
#include "loopline/core/error.h"
#include "loopline/core/process.h"

namespace loopline::report {
namespace {

constexpr const char* kGnuplot = "gnuplot";
constexpr int kFontSize = 13;
constexpr int kLegendFontSize = 12;
constexpr int kLegendRow = 18, kLegendCharacter = 7, kLegendSwatch = 60;  // pixels, the largest
constexpr std::size_t kMostPoints = 400;  // of a line: more are not seen, and pages stay small

struct DrawnLine {
  const PlotLine* line = nullptr;
  std::vector<std::size_t> points;  ///< indices of those that can be drawn
};

bool can_draw(double value, bool log) { return std::isfinite(value) && (!log || value > 0); }

std::vector<std::size_t> drawn_points(const Plot& plot, const PlotLine& line) {
  LOOPLINE_CHECK(line.x.size() == line.y.size(), "a point has two coordinates");
  LOOPLINE_CHECK(line.low.size() == line.high.size(), "a band has two sides");
  LOOPLINE_CHECK(line.low.empty() || line.low.size() == line.y.size(), "a band follows its line");
  std::vector<std::size_t> finite, kept;
  for (std::size_t i = 0; i < line.x.size(); ++i) {
    if (can_draw(line.x[i], plot.log_x) && can_draw(line.y[i], plot.log_y)) finite.push_back(i);
  }
  const std::size_t step = 1 + finite.size() / kMostPoints;
  for (std::size_t i = 0; i < finite.size(); ++i) {
    if (i % step == 0 || i + 1 == finite.size()) kept.push_back(finite[i]);
  }
  return kept;
}

std::string decimal(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.7g", value);
  return text;
}

/// x, y, and the band, which is as thin as the line where it has no bounds.
std::string data_block(const Plot& plot, const std::string& name, const DrawnLine& drawn) {
  const PlotLine& line = *drawn.line;
  std::string block = "$" + name + " << EOD\n";
  for (const std::size_t i : drawn.points) {
    const double y = line.y[i];
    const bool banded = !line.low.empty() && can_draw(line.low[i], plot.log_y) &&
                        can_draw(line.high[i], plot.log_y);
    block += decimal(line.x[i]) + " " + decimal(y) + " " + decimal(banded ? line.low[i] : y) + " " +
             decimal(banded ? line.high[i] : y) + "\n";
  }
  return block + "EOD\n";
}

struct Size {
  int width = 0, height = 0;
};

std::string frame(const Plot& plot, const Size& size, bool legend, StandIns& texts) {
  const std::string ink = kInkColour, line = kLineColour;
  std::string script = "set terminal svg noenhanced size " + std::to_string(size.width) + "," +
                       std::to_string(size.height) + " font 'sans," + std::to_string(kFontSize) +
                       "'\n";
  script += "set border 1 lc rgb '" + line + "'\n";
  script += "set tics nomirror scale 0.4 textcolor rgb '" + ink + "'\n";
  script += "set ytics scale 0\nset grid ytics lt 1 lw 1 lc rgb '" + line + "'\n";
  script += "set format x '%.10g'\nset format y '%.6g'\n";
  if (plot.log_x) script += "set logscale x\n";
  if (plot.log_y) script += "set logscale y\n";
  script +=
      legend ? "set key outside right top vertical Left reverse samplen 1.8 spacing 1.1 font '," +
                   std::to_string(kLegendFontSize) + "'\n"
             : "unset key\n";
  if (!plot.title.empty()) {
    script += "set label '" + texts.add(plot.title) +
              "' at graph 0, graph 1 left offset 0,1 font ',15'\n";
  }
  script += "set tmargin 2.4\nset style circle radius graph 0.012\n";
  if (!plot.x_label.empty())
    script += "set xlabel '" + texts.add(plot.x_label) + "' offset 0,0.4\n";
  if (!plot.y_label.empty()) script += "set ylabel '" + texts.add(plot.y_label) + "'\n";
  return script;
}

/// About five steps of 1, 2 or 5 times a power of ten; "" leaves the choice to gnuplot.
std::string y_tics(const Plot& plot, const std::vector<DrawnLine>& lines) {
  if (plot.log_y) return "";
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto hold = [&](double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const DrawnLine& drawn : lines) {
    for (const std::size_t i : drawn.points) {
      hold(drawn.line->y[i]);
      if (drawn.line->low.empty()) continue;
      hold(drawn.line->low[i]);
      hold(drawn.line->high[i]);
    }
  }
  for (const PlotLevel& level : plot.levels) hold(level.y);
  if (!(high > low)) return "";
  const double rough = (high - low) / 4, power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  return "set ytics " +
         decimal((digit < 1.5   ? 1
                  : digit < 3.5 ? 2
                  : digit < 7.5 ? 5
                                : 10) *
                 power) +
         "\n";
}

/// Of all lines; levels cross the whole of it.
std::pair<double, double> x_range(const std::vector<DrawnLine>& lines) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const DrawnLine& drawn : lines) {
    for (const std::size_t i : drawn.points) {
      low = std::min(low, drawn.line->x[i]);
      high = std::max(high, drawn.line->x[i]);
    }
  }
  if (low == high) high = low + 1;
  return {low, high};
}

const char* stroke_of(PlotStyle style) {
  if (style == PlotStyle::kSteps) return "steps";
  return style == PlotStyle::kCircles ? "circles" : "lines";
}

std::string plot_command(const Plot& plot, const std::vector<DrawnLine>& lines, StandIns& texts) {
  std::string bands, strokes, levels;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const PlotLine& line = *lines[i].line;
    const std::string data = "$line" + std::to_string(i);
    const std::string colour = " lc rgb '" + series_colour(line.colour) + "'";
    // Beyond the palette its colours come again, dashed.
    const std::string dash = line.colour < kSeriesColours ? "" : " dt (14,4)";
    if (!line.low.empty()) {
      bands += data + " using 1:3:4 with filledcurves" + colour +
               " fillstyle transparent solid 0.16 noborder notitle, ";
    }
    if (line.style == PlotStyle::kSteps) {
      bands += data + " using 1:2 with fillsteps" + colour +
               " fillstyle transparent solid 0.3 noborder notitle, ";
    }
    strokes += data + " using 1:2 with " + stroke_of(line.style) + " lw 2" + colour + dash +
               " title '" + texts.add(line.label) + "', ";
  }
  for (std::size_t i = 0; i < plot.levels.size(); ++i) {
    const PlotLevel& level = plot.levels[i];
    if (!can_draw(level.y, plot.log_y)) continue;
    levels += "$level" + std::to_string(i) + " using 1:2 with lines lw 1.4 dt " +
              (level.dotted ? "4" : "2") + " lc rgb '" + kInkColour + "' title '" +
              texts.add(level.label) + "', ";
  }
  const std::string all = bands + strokes + levels;
  return "plot " + all.substr(0, all.size() - 2) + "\n";
}

std::vector<DrawnLine> drawn_lines(const Plot& plot) {
  std::vector<DrawnLine> lines;
  for (const PlotLine& line : plot.lines) {
    LOOPLINE_CHECK(line.colour >= 0, "a colour is an index into the palette");
    DrawnLine drawn{&line, drawn_points(plot, line)};
    const std::size_t fewest = line.style == PlotStyle::kCircles ? 1 : 2;
    if (drawn.points.size() >= fewest) lines.push_back(std::move(drawn));
  }
  return lines;
}

/// What gnuplot prints, with stand-ins for all words.
std::string drawing(const Plot& plot, const std::vector<DrawnLine>& lines, const Size& size,
                    bool legend, StandIns& texts) {
  std::string script = frame(plot, size, legend, texts);
  const auto [low, high] = x_range(lines);
  script += "set xrange [" + decimal(low) + ":" + decimal(high) + "]\n";
  script += y_tics(plot, lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    script += data_block(plot, "line" + std::to_string(i), lines[i]);
  }
  for (std::size_t i = 0; i < plot.levels.size(); ++i) {
    const std::string y = decimal(plot.levels[i].y);
    script += "$level" + std::to_string(i) + " << EOD\n";
    for (const double x : {low, high}) script += decimal(x) + " " + y + "\n";
    script += "EOD\n";
  }
  script += plot_command(plot, lines, texts);
  // -d: a person's own ~/.gnuplot draws other pictures.
  return run_program({kGnuplot, "-d", "-"}, script);
}

/// Room for the legend beside a plot of that size.
Size with_legend(const Plot& plot, const std::vector<DrawnLine>& lines, Size size) {
  std::size_t longest = 0;
  for (const DrawnLine& drawn : lines) longest = std::max(longest, drawn.line->label.size());
  for (const PlotLevel& level : plot.levels) longest = std::max(longest, level.label.size());
  const int characters = static_cast<int>(std::min(longest, kLongestLabel));
  const int rows = static_cast<int>(lines.size() + plot.levels.size());
  return {size.width + kLegendSwatch + kLegendCharacter * characters,
          std::max(size.height, kLegendRow * (rows + 4))};
}

}  // namespace

bool can_plot() { return has_program(kGnuplot); }

std::string plot_svg(const Plot& plot, int width, int height) {
  const std::vector<DrawnLine> lines = drawn_lines(plot);
  if (lines.empty()) return "";
  StandIns texts;
  const std::string printed = drawing(plot, lines, {width, height}, /*legend=*/false, texts);
  return texts.put_back(page_svg(printed, plot.title));
}

std::string plot_document(const Plot& plot, int width, int height) {
  const std::vector<DrawnLine> lines = drawn_lines(plot);
  if (lines.empty()) return "";
  StandIns texts;
  const Size size = with_legend(plot, lines, {width, height});
  const std::string printed = drawing(plot, lines, size, /*legend=*/true, texts);
  return texts.put_back(document_svg(printed, plot.title, size.width, size.height));
}

}  // namespace loopline::report
