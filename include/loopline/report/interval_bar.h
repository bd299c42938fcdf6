#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loopline/report/html.h"

namespace loopline::report::page {

/// Values that the ends of a bar stand for.
struct BarScale {
  double low = 0, high = 1;
  std::optional<double> mark;  ///< where a dashed line crosses all bars of a column
};

/// Holds all intervals and the mark, with room at both ends.
BarScale bar_scale(const std::vector<Estimate>& values, std::optional<double> mark);

/// What is above a column of bars: the values at its ends.
std::string bar_heading(const BarScale& scale);

/// A dot with its interval as an inline picture; the numbers stand beside it.
std::string interval_bar(const Estimate& value, const BarScale& scale, const std::string& series);

/// CSS classes of a colour of the palette; beyond its end colours come again, hollow. Below 0: ink.
std::string series_class(int colour);

}  // namespace loopline::report::page
