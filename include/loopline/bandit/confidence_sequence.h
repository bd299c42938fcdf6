#pragma once

#include <cstdint>
#include <vector>

#include "loopline/bandit/estimate.h"
#include "loopline/bandit/weighted_moments.h"
#include "loopline/bandit/weighted_rows.h"
#include "loopline/stats/interval.h"

namespace loopline::bandit {

/// An interval for the value of a policy that may be looked at after every row, for rewards in
/// [0, 1] and weights without a known maximum: Waudby-Smith, Wu, Ramdas, Karampatziakis & Mineiro,
/// "Anytime-valid off-policy inference for contextual bandits" (arXiv 2210.10768), by the
/// predictable plug-in empirical Bernstein of Waudby-Smith & Ramdas (arXiv 2010.09686).
///
/// For x = w r >= 0 with mean v, a guess g_i in [0, 1] and a bet l_i in [0, 1) made before row i,
/// exp(sum_i l_i (x_i - v) - psi(l_i) (x_i - g_i)^2), psi(l) = -ln(1 - l) - l, is a nonnegative
/// supermartingale, so by Ville's inequality, for all n at once with probability 1 - a,
///   v >= (sum l_i x_i - sum psi(l_i) (x_i - g_i)^2 - ln(1/a)) / sum l_i.
/// The same on w (1 - r), whose mean is at most 1 - v, bounds v from above. Where the logger never
/// tries some actions both bounds still hold. Each side has half of 1 - level.
///
/// Guesses and bets are renewed at each of the first 128 rows and then 64 times an octave, always
/// from rows before, so moments between renewals are all that is kept and blocks can be summed
/// apart.
class ConfidenceSequence {
 public:
  /// Errors (exit 2), as bets need single independent rows in the order of time: a reward outside
  /// [0, 1], clusters, a multiplicity other than 1.
  void add(const WeightedRows& rows);

  /// `other` holds later rows: a broken invariant otherwise.
  void merge(const ConfidenceSequence& other);

  /// Inside [0, 1]; `ips` is the estimate of ips from the same rows, whose value may lie outside of
  /// it. Another estimator is an Error (exit 2).
  stats::Interval finish(const Estimate& ips, double level = 0.95) const;

 private:
  struct Stretch {
    std::int64_t number = 0;
    WeightedMoments moments{};  ///< product: w r; control: w (1 - r)
  };

  double lower_bound(Term term, double alpha) const;

  std::vector<Stretch> stretches_;
};

}  // namespace loopline::bandit
