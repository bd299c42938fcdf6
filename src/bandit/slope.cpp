#include "loopline/bandit/slope.h"

#include <algorithm>
#include <limits>

#include "loopline/bandit/intervals.h"
#include "loopline/core/error.h"

namespace loopline::bandit {

std::vector<double> ordered_grid(Estimator kind, std::vector<double> grid) {
  const EstimatorEntry& entry = entry_of(kind);
  if (!entry.parameter.required) {
    throw Error("slope", std::string(entry.name) + " has no parameter that trades bias for width",
                "choose clipped_ips, switch_dr, shrinkage_dr or sub_gaussian_ips");
  }
  // A larger M clips less; a larger lambda shrinks more.
  std::sort(grid.begin(), grid.end());
  if (kind != Estimator::kSubGaussianIps) std::reverse(grid.begin(), grid.end());
  if (grid.empty() || std::adjacent_find(grid.begin(), grid.end()) != grid.end()) {
    throw Error("slope", grid.empty() ? "the grid is empty" : "a parameter is in the grid twice",
                "give distinct parameters");
  }
  return grid;
}

SlopeResult choose_by_slope(const std::vector<double>& grid, const std::vector<Estimate>& estimates,
                            const std::vector<double>& clipped_share, double level) {
  LOOPLINE_CHECK(!grid.empty() && grid.size() == estimates.size(), "an estimate a parameter");
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  const double each = 1 - (1 - level) / static_cast<double>(grid.size());
  SlopeResult result;
  double low = -std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t k = 0; k < grid.size(); ++k) {
    SlopeStep step{.parameter = grid[k], .estimate = estimates[k]};
    const stats::Interval interval = closed_interval(step.estimate, IntervalKind::kStudentT, each);
    step.width = (interval.high - interval.low) / 2;
    if (!clipped_share.empty()) step.clipped_share = clipped_share[k];
    step.low = low = std::max(low, step.estimate.value - 2 * step.width);
    step.high = high = std::min(high, step.estimate.value + 2 * step.width);
    step.agrees = low <= high;
    if (step.agrees) result.chosen = k;
    if (k > 0 && step.width > result.steps.back().width) {
      result.notes.push_back("widths do not shrink along the grid: the choice has no guarantee");
    }
    result.steps.push_back(std::move(step));
  }
  result.notes.erase(std::unique(result.notes.begin(), result.notes.end()), result.notes.end());
  if (result.chosen + 1 == result.steps.size() && result.steps.size() > 1) {
    result.notes.push_back("the most biased parameter was chosen: the grid may be too short");
  }
  return result;
}

}  // namespace loopline::bandit
