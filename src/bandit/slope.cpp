#include "loopline/bandit/slope.h"

#include <algorithm>
#include <limits>

#include "loopline/bandit/intervals.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

/// A larger M clips less; a larger lambda shrinks more.
void sort_by_bias(Estimator kind, std::vector<double>& grid) {
  std::sort(grid.begin(), grid.end());
  if (kind != Estimator::kSubGaussianIps) std::reverse(grid.begin(), grid.end());
}

}  // namespace

Slope::Slope(const SlopeOptions& options) : options_(options), clipped_(options.grid.size()) {
  const EstimatorEntry& entry = entry_of(options.kind);
  if (!entry.parameter.required) {
    throw Error("slope", std::string(entry.name) + " has no parameter that trades bias for width",
                "choose clipped_ips, switch_dr, shrinkage_dr or sub_gaussian_ips");
  }
  LOOPLINE_CHECK(options.level > 0 && options.level < 1, "a confidence level lies inside (0, 1)");
  std::vector<double>& grid = options_.grid;
  sort_by_bias(options.kind, grid);
  if (grid.empty() || std::adjacent_find(grid.begin(), grid.end()) != grid.end()) {
    throw Error("slope", grid.empty() ? "the grid is empty" : "a parameter is in the grid twice",
                "give distinct parameters");
  }
  for (const double parameter : grid) {
    estimates_.emplace_back(EstimatorChoice{.kind = options.kind, .parameter = parameter});
  }
}

void Slope::add(const WeightedRows& rows) {
  for (std::size_t k = 0; k < estimates_.size(); ++k) {
    estimates_[k].add(rows);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows.weight[i] > options_.grid[k]) clipped_[k] += rows.count(i);
    }
  }
}

void Slope::merge(const Slope& other) {
  LOOPLINE_CHECK(options_.grid == other.options_.grid, "grids to merge are equal");
  for (std::size_t k = 0; k < estimates_.size(); ++k) {
    estimates_[k].merge(other.estimates_[k]);
    clipped_[k] += other.clipped_[k];
  }
}

SlopeResult Slope::finish() const {
  const double level = 1 - (1 - options_.level) / static_cast<double>(estimates_.size());
  const bool has_clipping = options_.kind != Estimator::kSubGaussianIps;
  SlopeResult result;
  double low = -std::numeric_limits<double>::infinity();
  double high = -low;
  for (std::size_t k = 0; k < estimates_.size(); ++k) {
    SlopeStep step{.parameter = options_.grid[k], .estimate = estimates_[k].finish()};
    const stats::Interval interval = closed_interval(step.estimate, IntervalKind::kStudentT, level);
    step.width = (interval.high - interval.low) / 2;
    if (has_clipping) step.clipped_share = clipped_[k] / step.estimate.rows;
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
