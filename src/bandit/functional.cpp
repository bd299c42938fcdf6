#include "loopline/bandit/functional.h"

#include <cmath>
#include <limits>

#include "loopline/bandit/baseline.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

Solution solve_ratio(const WeightedMoments& all) {
  const double weight = all.mean(kControl);
  const double ratio = all.mean(kProduct) / weight;
  if (!std::isfinite(ratio)) {
    return {.value = std::numeric_limits<double>::quiet_NaN(),
            .form = {LinearForm{}},
            .notes = {"undefined: the weights sum to 0"}};
  }
  return {.value = all.mean(kPlain) + ratio,
          .form = {{.constant = ratio, .factor = {1, 1 / weight, -ratio / weight}}}};
}

/// `expected`: of the control, 1 for weights and 0 for differences of weights.
Solution solve_baseline(const WeightedMoments& all, const Baseline& baseline, double expected) {
  Solution solution;
  solution.value = all.mean(kProduct) + baseline.value * (expected - all.mean(kControl));
  solution.form = {{.constant = baseline.value * expected, .factor = {0, 1, -baseline.value}}};
  solution.baseline = baseline.value;
  if (!baseline.note.empty()) solution.notes = {baseline.note};
  return solution;
}

WeightedMoments moments_outside(const std::vector<WeightedMoments>& folds, std::size_t fold) {
  WeightedMoments others;
  for (std::size_t k = 0; k < folds.size(); ++k) {
    if (k != fold) others.merge(folds[k]);
  }
  return others;
}

/// `fit`: the baseline from moments.
Solution solve_cross_fitted(const std::vector<WeightedMoments>& folds, double rows,
                            Baseline (*fit)(const WeightedMoments&), double expected) {
  Solution total;
  total.baseline = 0;
  for (std::size_t k = 0; k < folds.size(); ++k) {
    const Solution part = solve_baseline(folds[k], fit(moments_outside(folds, k)), expected);
    const double share = folds[k].count() / rows;
    total.value += share * part.value;
    *total.baseline += share * *part.baseline;
    total.form.push_back(part.form.front());
    if (share > 0 && total.notes.empty()) total.notes = part.notes;
  }
  return total;
}

}  // namespace

Solution solve(const Functional& functional, const std::vector<WeightedMoments>& folds) {
  LOOPLINE_CHECK(folds.size() == static_cast<std::size_t>(functional.folds),
                 "moments come fold by fold");
  LOOPLINE_CHECK(functional.folds == 1 || functional.shape == Shape::kCrossFitted ||
                     functional.shape == Shape::kDifference,
                 "only cross-fitting has folds");
  WeightedMoments all;
  for (const WeightedMoments& fold : folds) all.merge(fold);
  LOOPLINE_CHECK(all.count() > 0, "an estimate needs rows");
  switch (functional.shape) {
    case Shape::kMean:
      return {.value = all.mean(kPlain), .form = {{.factor = {1, 0, 0}}}};
    case Shape::kRatio:
      return solve_ratio(all);
    case Shape::kBaseline:
      return solve_baseline(all, value_optimal_baseline(all), 1);
    case Shape::kCrossFitted:
      return solve_cross_fitted(folds, all.count(), value_optimal_baseline, 1);
    case Shape::kDifference:
      if (functional.folds > 1) {
        return solve_cross_fitted(folds, all.count(), difference_baseline, 0);
      }
      return solve_baseline(all, difference_baseline(all), 0);
  }
  LOOPLINE_CHECK(false, "unknown shape");
}

}  // namespace loopline::bandit
