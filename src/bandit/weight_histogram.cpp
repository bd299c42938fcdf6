#include "loopline/bandit/weight_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace loopline::bandit {
namespace {

constexpr int kLowestOctave = -10, kHighestOctave = 20, kBinsAnOctave = 2;

}  // namespace

WeightHistogram::WeightHistogram() {
  constexpr int kEdges = (kHighestOctave - kLowestOctave) * kBinsAnOctave;
  double low = 0;
  for (int i = 0; i <= kEdges; ++i) {
    const double edge = std::exp2(kLowestOctave + static_cast<double>(i) / kBinsAnOctave);
    bins_.push_back({.low = low, .high = edge});
    low = edge;
  }
  bins_.push_back({.low = low, .high = std::numeric_limits<double>::infinity()});
}

void WeightHistogram::add(const WeightedRows& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double w = rows.weight[i], count = rows.count(i);
    const auto bin =
        std::upper_bound(bins_.begin(), bins_.end() - 1, w,
                         [](double value, const Bin& other) { return value < other.high; });
    bin->rows += count;
    bin->weight += count * w;
  }
}

void WeightHistogram::merge(const WeightHistogram& other) {
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    bins_[i].rows += other.bins_[i].rows;
    bins_[i].weight += other.bins_[i].weight;
  }
}

std::vector<WeightHistogram::Bin> WeightHistogram::bins() const {
  const auto filled = [](const Bin& bin) { return bin.rows > 0; };
  const auto first = std::find_if(bins_.begin(), bins_.end(), filled);
  const auto last = std::find_if(bins_.rbegin(), bins_.rend(), filled).base();
  return first < last ? std::vector<Bin>(first, last) : std::vector<Bin>();
}

}  // namespace loopline::bandit
