#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/term_sample.h"
#include "loopline/bandit/weighted_moments.h"

namespace loopline::bandit {

/// How an estimator follows from the means of its terms (g plain, h product, d control).
enum class Shape {
  kMean,         ///< mean g
  kRatio,        ///< mean g + mean h / mean d
  kBaseline,     ///< mean h + b (1 - mean d), b value-optimal on the same rows; g is the reward
  kCrossFitted,  ///< sum_k n_k/n [mean_k h + b (1 - mean_k d)], b fitted outside fold k
  kDifference,   ///< mean h - b mean d, b as difference_baseline, with folds outside; g is unused
};

struct Functional {
  Shape shape = Shape::kMean;
  int folds = 1;  ///< more than one only for kCrossFitted and kDifference
};

/// The value, and one linear form a fold whose mean over the rows is the value and whose variance
/// is the estimator's to first order (delta method). A fitted b is taken as given in it: its own
/// error is multiplied by 1 - mean d, both O(n^-1/2), so it enters at second order. Where few
/// rows carry all weight that is not small, and its intervals are too short (tests/bandit measures
/// .78 for .95 at 16 effective rows of 400); the bootstrap refits b.
struct Solution {
  double value = 0;  ///< NaN where it is undefined, which a note explains
  std::vector<LinearForm> form{};
  std::optional<double> baseline{};  ///< fitted b; over folds, their mean by rows
  std::vector<std::string> notes{};
};

/// `folds` are moments of at least one row altogether.
Solution solve(const Functional& functional, const std::vector<WeightedMoments>& folds);

}  // namespace loopline::bandit
