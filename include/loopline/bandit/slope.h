#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "loopline/bandit/estimate.h"
#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

struct SlopeOptions {
  Estimator kind =
      Estimator::kClippedIps;  ///< or another one whose parameter trades bias for width
  std::vector<double> grid{};  ///< its parameters, in any order
  double level = 0.95;         ///< at which all widths hold together (Bonferroni)
};

/// One parameter of the grid. Its interval is value -+ 2 width; `low` and `high` are what it has in
/// common with those of all less biased parameters.
struct SlopeStep {
  double parameter = 0;
  Estimate estimate{};
  double width = 0;          ///< Student t half width
  double clipped_share = 0;  ///< of rows with a weight above M; clipping and switching only
  double low = 0, high = 0;
  bool agrees = false;  ///< the common part is not empty
};

struct SlopeResult {
  std::vector<SlopeStep> steps{};  ///< from the least biased on
  std::size_t chosen = 0;          ///< the last step that agrees
  std::vector<std::string> notes{};
};

/// Chooses the parameter of an estimator by Lepski's principle: SLOPE, Su, Srinath & Krishnamurthy,
/// "Adaptive estimator selection for off-policy evaluation", ICML 2020 (arXiv 2002.07729). From the
/// least biased parameter on, go to narrower ones while the intervals value -+ 2 width have a point
/// in common: then the bias is no greater than the widths. The error is within a constant of the
/// best parameter's where bias grows and width shrinks along the grid; the estimate that is chosen
/// has no interval that is valid after the choice.
class Slope {
 public:
  /// Errors (exit 2): an empty grid, a parameter twice, an estimator without M or lambda.
  explicit Slope(const SlopeOptions& options);

  void add(const WeightedRows& rows);
  void merge(const Slope& other);

  /// No rows: an Error (exit 1).
  SlopeResult finish() const;

 private:
  SlopeOptions options_;  ///< the grid from the least biased on
  std::vector<EstimateAccumulator> estimates_;
  std::vector<double> clipped_;
};

}  // namespace loopline::bandit
