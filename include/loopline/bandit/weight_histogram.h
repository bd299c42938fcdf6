#pragma once

#include <vector>

#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

/// How the weights of a log are distributed, on a logarithmic scale: two bins an octave from 2^-10
/// to 2^20, one of weights below (zeros too) and one of those above.
class WeightHistogram {
 public:
  struct Bin {
    double low = 0, high = 0;  ///< low <= w < high; the last one has no end
    double rows = 0;           ///< with multiplicities
    double weight = 0;         ///< sum of w: what the rows of the bin count for
  };

  WeightHistogram();

  void add(const WeightedRows& rows);
  void merge(const WeightHistogram& other);

  /// From the first bin with rows to the last one.
  std::vector<Bin> bins() const;

 private:
  std::vector<Bin> bins_;
};

}  // namespace loopline::bandit
