#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "loopline/bandit/weighted_moments.h"
#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

/// constant + sum_j factor[j] term_j: what a row stands for in a linearised estimator.
template <std::size_t N>
struct LinearFormOf {
  double constant = 0;
  TermsOf<N> factor{};
};
using LinearForm = LinearFormOf<3>;

/// Moments of the terms of a log, fold by fold, and what the variance between its independent units
/// needs: rows, or clusters where the log has them. Multiplicities count as so many rows.
///
/// Clusters are kept one by one, about 100 bytes each, as their rows may come from any block.
///
/// A unit lies in one fold: row i in fold i mod `folds`, a cluster where a hash of its name says.
template <std::size_t N>
class TermSampleOf {
 public:
  explicit TermSampleOf(int folds = 1);

  /// `terms[i]` of row i. Blocks with and without clusters do not mix: a broken invariant.
  void add(const WeightedRows& rows, std::span<const TermsOf<N>> terms);
  void merge(const TermSampleOf& other);

  const std::vector<MomentsOf<N>>& folds() const { return folds_; }
  MomentsOf<N> all() const;
  bool clustered() const { return !clusters_.empty(); }
  double units() const;  ///< clusters, or rows

  /// Squared standard error of the mean over rows of a linear form, one a fold. Between clusters:
  /// C / (C - 1) sum_c (sum of form in c - n_c mean)^2 / n^2, the ratio estimator of survey
  /// sampling (Cochran 1977, 6.3), since clusters differ in size. One unit: infinite.
  double squared_error(std::span<const LinearFormOf<N>> form) const;

 private:
  struct Cluster {
    std::int64_t name = 0;
    double count = 0;
    TermsOf<N> sum{};
    std::size_t fold = 0;
  };

  void add_to_cluster(const Cluster& part);

  std::vector<MomentsOf<N>> folds_;
  std::vector<Cluster> clusters_;  ///< in order of first appearance
  std::unordered_map<std::int64_t, std::size_t> cluster_index_;
};

using TermSample = TermSampleOf<3>;

/// The fold of a row, below `folds`.
std::size_t fold_of(const WeightedRows& rows, std::size_t row, int folds);

/// Mean of the terms of a block: the shift of its sums. Zero without rows.
template <std::size_t N>
TermsOf<N> mean_terms(const WeightedRows& rows, std::span<const TermsOf<N>> terms) {
  double total = 0;
  TermsOf<N> sum{};
  for (std::size_t i = 0; i < terms.size(); ++i) {
    total += rows.count(i);
    for (std::size_t j = 0; j < N; ++j) sum[j] += rows.count(i) * terms[i][j];
  }
  for (double& value : sum) value = total > 0 ? value / total : 0;
  return sum;
}

}  // namespace loopline::bandit
