#include "loopline/bandit/calibration.h"

#include <algorithm>
#include <cmath>

namespace loopline::bandit {
namespace {

constexpr double kLargestLogOdds = 20;
constexpr double kCellsPerUnit = 1000;

}  // namespace

Calibration::Calibration()
    : cells_(static_cast<std::size_t>(2 * kLargestLogOdds * kCellsPerUnit) + 1) {}

void Calibration::add(double probability, bool came_true, double count) {
  const double odds = std::log(probability / (1 - probability));  // infinite for 1
  const double place = std::clamp(odds, -kLargestLogOdds, kLargestLogOdds) + kLargestLogOdds;
  Cell& cell = cells_[static_cast<std::size_t>(std::lround(place * kCellsPerUnit))];
  cell.count += count;
  cell.probability += count * probability;
  cell.variance += count * probability * (1 - probability);
  if (came_true) cell.came_true += count;
}

std::vector<CalibrationBin> Calibration::finish(std::size_t bins) const {
  double total = 0;
  for (const Cell& cell : cells_) total += cell.count;
  const auto bin_of = [&](double seen) {
    return std::floor(seen / total * static_cast<double>(bins));
  };
  std::vector<CalibrationBin> list;
  Cell open;
  double seen = 0;
  double begin = 0;
  for (const Cell& cell : cells_) {
    open.count += cell.count;
    open.probability += cell.probability;
    open.variance += cell.variance;
    open.came_true += cell.came_true;
    seen += cell.count;
    const bool is_last = &cell == &cells_.back();
    if (open.count == 0 || (bin_of(seen) == bin_of(begin) && !is_last)) continue;
    list.push_back({open.count, open.probability / open.count, open.came_true / open.count,
                    std::sqrt(open.variance) / open.count});
    open = {};
    begin = seen;
  }
  return list;
}

double calibration_error(const std::vector<CalibrationBin>& bins) {
  double total = 0;
  double sum = 0;
  for (const CalibrationBin& bin : bins) {
    total += bin.predictions;
    sum += bin.predictions * std::abs(bin.observed - bin.predicted);
  }
  return total > 0 ? sum / total : 0;
}

}  // namespace loopline::bandit
