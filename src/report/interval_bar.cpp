#include "loopline/report/interval_bar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "gnuplot_svg.h"

namespace loopline::report::page {
namespace {

constexpr double kWidth = 132;
constexpr double kMargin = 6;  // of a dot at an end

std::string at(double value, const BarScale& scale) {
  const double share = (value - scale.low) / (scale.high - scale.low);
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", kMargin + share * (kWidth - 2 * kMargin));
  return text;
}

std::string line(const std::string& kind, const std::string& x1, const std::string& y1,
                 const std::string& x2, const std::string& y2) {
  return "<line class=\"" + kind + "\" x1=\"" + x1 + "\" y1=\"" + y1 + "\" x2=\"" + x2 +
         "\" y2=\"" + y2 + "\"/>";
}

}  // namespace

BarScale bar_scale(const std::vector<Estimate>& values, std::optional<double> mark) {
  BarScale scale{.low = values.front().mean, .high = values.front().mean, .mark = mark};
  const auto hold = [&](double value) {
    scale.low = std::min(scale.low, value);
    scale.high = std::max(scale.high, value);
  };
  for (const Estimate& value : values) {
    hold(value.mean);
    if (value.low) hold(*value.low);
    if (value.high) hold(*value.high);
  }
  if (mark) hold(*mark);
  const double room = scale.high > scale.low ? 0 : std::max(1e-9, 0.1 * std::abs(scale.high));
  scale.low -= room;
  scale.high += room;
  return scale;
}

std::string bar_heading(const BarScale& scale) {
  const int decimals =
      std::max(0, decimals_for(std::max(std::abs(scale.low), std::abs(scale.high))) - 1);
  return element("span", "class=\"ends\"",
                 element("span", decimal(scale.low, decimals)) +
                     element("span", decimal(scale.high, decimals)));
}

std::string interval_bar(const Estimate& value, const BarScale& scale, const std::string& series) {
  std::string shapes = line("axis", "0", "13", "132", "13");
  if (scale.mark) {
    const std::string x = at(*scale.mark, scale);
    shapes += line("mark", x, "0", x, "26");
  }
  if (value.has_interval()) {
    const std::string low = at(*value.low, scale), high = at(*value.high, scale);
    shapes += line("range", low, "13", high, "13") + line("range", low, "8", low, "18") +
              line("range", high, "8", high, "18");
  }
  shapes += "<circle cx=\"" + at(value.mean, scale) + "\" cy=\"13\" r=\"4\"/>";
  return element("svg",
                 "class=\"dot " + series +
                     "\" viewBox=\"0 0 132 26\" width=\"132\" height=\"26\" aria-hidden=\"true\"",
                 shapes);
}

std::string series_class(int colour) {
  if (colour < 0) return "ink";
  return "s" + std::to_string(colour % kSeriesColours) + (colour < kSeriesColours ? "" : " again");
}

}  // namespace loopline::report::page
