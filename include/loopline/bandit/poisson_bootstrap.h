#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "loopline/bandit/estimate.h"
#include "loopline/bandit/functional.h"
#include "loopline/bandit/weighted_rows.h"
#include "loopline/stats/interval.h"

namespace loopline::bandit {

struct BootstrapOptions {
  std::uint64_t seed = 0;
  int replicates = 200;
};

/// Percentile bootstrap in one pass: in each replicate every unit, row or cluster, counts
/// Poisson(1) times (Hanley & MacGibbon 2006; Chamandy et al. 2012), a row of multiplicity m
/// Poisson(m) times. A count is a function of seed, unit and replicate (Philox), so blocks and
/// threads do not matter, and all functionals see the same replicates.
class PoissonBootstrap {
 public:
  /// Replicates outside [2, 2^20]: an Error (exit 2).
  PoissonBootstrap(std::vector<Functional> functionals, const BootstrapOptions& options);

  /// `terms[f]` of functional f, one a row.
  void add(const WeightedRows& rows, const std::vector<std::vector<Terms>>& terms);
  void merge(const PoissonBootstrap& other);

  /// Of functional f, in the order of the replicates; NaN where one is empty or it is undefined.
  std::vector<double> replicates(std::size_t functional) const;

  /// Of functional f, ascending, without replicates that are empty or where it is undefined.
  std::vector<double> values(std::size_t functional) const;

  /// Percentiles around the estimate of functional f. Infinite for one unit or without values. An
  /// estimate that this is not valid for: an Error (exit 2).
  stats::Interval finish(std::size_t functional, const Estimate& estimate,
                         double level = 0.95) const;

 private:
  using Folds = std::vector<WeightedMoments>;

  void add_replicates(std::size_t first, const WeightedRows& rows,
                      const std::vector<std::vector<Terms>>& terms,
                      const std::vector<Terms>& shifts);

  std::vector<Functional> functionals_;
  BootstrapOptions options_;
  std::vector<std::vector<Folds>> moments_;  ///< [functional][replicate][fold]
};

/// Percentiles of replicates, those that are NaN aside, around an estimate of what they replicate.
/// As PoissonBootstrap::finish.
stats::Interval percentile_interval(std::vector<double> replicates, const Estimate& estimate,
                                    double level);

}  // namespace loopline::bandit
