#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "loopline/report/plot.h"

namespace loopline::report {

/// What the lines of all plots of a page are, said once: a plot with the names of a dozen lines is
/// mostly names. A colour, and a kind of dashes, has one name.
class Legend {
 public:
  void add(const Plot& plot);
  std::string markup() const;

 private:
  std::map<int, std::string> lines_;    ///< by colour
  std::map<bool, std::string> levels_;  ///< by its kind of dashes
};

/// What `draw` makes with gnuplot; where that is not installed, or fails, a notice in its place:
/// the numbers of a page do not wait for a picture.
std::string drawn_or_notice(const std::function<std::string()>& draw);

/// Plots side by side under one legend; those without lines are left out.
std::string plot_grid(const std::vector<Plot>& plots);

}  // namespace loopline::report
