#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace loopline::bandit {

/// Rows of a log as an estimator sees them, once a policy, and a reward model if there is one, have
/// been asked about them. Empty vectors stand for what there is not; the others have one length.
struct WeightedRows {
  std::int64_t first_row = 0;           ///< of the log, from 0: rows are drawn and folded by number
  std::vector<double> weight{};         ///< w = pi(a | x) / pi_0(a | x), >= 0
  std::vector<double> reward{};         ///< r
  std::vector<double> model_logged{};   ///< q(x, a) of the logged action
  std::vector<double> model_policy{};   ///< sum_a pi(a | x) q(x, a)
  std::vector<double> multiplicity{};   ///< so many independent rows were alike; empty: one
  std::vector<std::int64_t> cluster{};  ///< rows that are not independent share one; empty: all are
  std::vector<double> own_weight{};     ///< pi / pi_0 of the row's logger, where w is balanced
  std::vector<std::int64_t> logger{};   ///< who logged the row; empty: one logger

  std::size_t size() const { return reward.size(); }
  double count(std::size_t row) const { return multiplicity.empty() ? 1 : multiplicity[row]; }

  /// What is drawn as a whole by a bootstrap and lies in one fold: the cluster, or the row.
  std::int64_t unit(std::size_t row) const {
    return cluster.empty() ? first_row + static_cast<std::int64_t>(row) : cluster[row];
  }
};

/// Rows that are handed on together. Accumulators of such blocks are merged in the order of the
/// log, so the number of threads changes no bit.
constexpr std::size_t kBlockRows = 65536;

/// Unequal lengths are a broken invariant. A number that is not finite, a negative weight or a
/// multiplicity that is not positive is an Error (exit 1) that names the row: a policy or a model
/// has answered it, as readers of logs refuse them.
void check_rows(const WeightedRows& rows);

}  // namespace loopline::bandit
