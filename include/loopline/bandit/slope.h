#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "loopline/bandit/estimate.h"

namespace loopline::bandit {

/// One parameter of the grid. Its interval is value -+ 2 width; `low` and `high` are what it has in
/// common with those of all less biased parameters.
struct SlopeStep {
  double parameter = 0;
  Estimate estimate{};
  double width = 0;          ///< Student t half width
  double clipped_share = 0;  ///< of rows with a weight above M, where it was given
  double low = 0, high = 0;
  bool agrees = false;  ///< the common part is not empty
};

struct SlopeResult {
  std::vector<SlopeStep> steps{};  ///< from the least biased on
  std::size_t chosen = 0;          ///< the last step that agrees
  std::vector<std::string> notes{};
};

/// The parameters of a grid from the least biased one on: M falls, lambda rises. Errors (exit 2):
/// an empty grid, a parameter twice, an estimator without a parameter that trades bias for width.
std::vector<double> ordered_grid(Estimator kind, std::vector<double> grid);

/// Chooses the parameter of an estimator by Lepski's principle: SLOPE, Su, Srinath & Krishnamurthy,
/// "Adaptive estimator selection for off-policy evaluation", ICML 2020 (arXiv 2002.07729). From the
/// least biased parameter on, go to narrower ones while the intervals value -+ 2 width have a point
/// in common: then the bias is no greater than the widths. The error is within a constant of the
/// best parameter's where bias grows and width shrinks along the grid; the estimate that is chosen
/// has no interval that is valid after the choice.
///
/// `estimates[k]` is the one of `grid[k]`, an ordered grid; `clipped_share`, where there is one,
/// its share of rows with a weight above M. All widths hold together at `level` (Bonferroni).
SlopeResult choose_by_slope(const std::vector<double>& grid, const std::vector<Estimate>& estimates,
                            const std::vector<double>& clipped_share = {}, double level = 0.95);

}  // namespace loopline::bandit
