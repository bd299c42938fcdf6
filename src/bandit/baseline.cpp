#include "loopline/bandit/baseline.h"

namespace loopline::bandit {
namespace {

// Of two spreads of rounding errors no ratio is meant.
constexpr double kNoSpread = 1e-24;

double raw_second_moment(const WeightedMoments& moments, Term term) {
  return moments.covariance(term, kControl) + moments.mean(term) * moments.mean(kControl);
}

}  // namespace

Baseline value_optimal_baseline(const WeightedMoments& moments) {
  if (moments.count() == 0) return {0, "no rows to fit a baseline on: it is 0"};
  const double weight = moments.mean(kControl);
  const double variance = moments.variance(kControl);
  if (variance <= kNoSpread * weight * weight) {
    return {moments.mean(kPlain), "all weights are equal: the baseline is the mean reward"};
  }
  return {moments.covariance(kProduct, kControl) / variance};
}

double paper_baseline(const WeightedMoments& moments) {
  return (raw_second_moment(moments, kProduct) - moments.mean(kProduct)) /
         (raw_second_moment(moments, kControl) - moments.mean(kControl));
}

Baseline difference_baseline(const WeightedMoments& moments) {
  const double square = raw_second_moment(moments, kControl);
  if (square == 0) return {0, "the policies agree on every row: the baseline is 0"};
  return {raw_second_moment(moments, kProduct) / square};
}

}  // namespace loopline::bandit
