#pragma once

#include <cstddef>
#include <vector>

namespace loopline::bandit {

/// A tenth (or so) of all predictions: what was predicted, and how often it came true.
struct CalibrationBin {
  double predictions = 0;  ///< with multiplicities
  double predicted = 0;    ///< mean probability
  double observed = 0;     ///< share that came true
  double error = 0;        ///< standard error of `observed` if the probabilities are right
};

/// Probabilities against what came true (a reliability diagram, DeGroot & Fienberg 1983), in bins
/// of equal numbers of predictions. They are counted on a grid of log-odds, a thousandth apart, so
/// memory does not depend on their number, and equal ones are never torn apart.
class Calibration {
 public:
  Calibration();

  /// `probability` in (0, 1]; `count` predictions alike.
  void add(double probability, bool came_true, double count);

  /// `bins` of them, fewer where predictions are equal; ascending.
  std::vector<CalibrationBin> finish(std::size_t bins) const;

 private:
  struct Cell {
    double count = 0, probability = 0, variance = 0, came_true = 0;  ///< sums
  };

  std::vector<Cell> cells_;
};

/// sum_b n_b / n |observed_b - predicted_b|, the expected calibration error (Naeini et al. 2015).
double calibration_error(const std::vector<CalibrationBin>& bins);

}  // namespace loopline::bandit
