#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace loopline::bandit {

/// Actions that could be chosen, row after row (compressed rows): those of row i are the entries
/// offset[i] .. offset[i + 1] of the other vectors. One offset more than rows; the first is 0.
struct ActionSets {
  std::vector<std::size_t> offset;
  std::vector<std::int64_t> id;     ///< place in the row's set, 0, 1, ...
  std::vector<double> feature;      ///< `features` numbers an entry, row major; may be empty
  std::vector<double> probability;  ///< pi_0(a | x) where the log has it for all; may be empty
  std::size_t features = 0;
};

/// Consecutive rows of a bandit log, checked: propensities are in (0, 1], numbers finite, actions
/// known. Vectors of what the log does not have are empty; the others have one entry a row.
struct LogBlock {
  std::int64_t first_row = 0;          ///< of the log's good rows, from 0
  std::vector<std::int64_t> action;    ///< id, 0 .. actions - 1 where the set is fixed
  std::vector<double> reward;          ///< sign applied
  std::vector<double> propensity;      ///< pi_0(a | x) of the logged action
  std::vector<double> own_propensity;  ///< of the row's logger, where `propensity` is a mixture's
  std::vector<double> target;          ///< pi(a | x) of the logged action, from a column
  std::vector<double> context;         ///< `features` numbers a row, encoded, row major
  std::vector<std::int64_t> position;  ///< as the log numbers them, >= 0
  std::vector<std::int64_t> cluster;   ///< a whole number as it is, other text as a hash
  std::vector<std::int64_t> logger;    ///< index into LogReader::loggers()
  /// pi_l(a | x) of every logger l, in the order of LogReader::loggers(), row major.
  std::vector<double> logger_propensity;
  std::vector<double> time;          ///< a number as it is, dates in seconds since 1970
  std::vector<double> multiplicity;  ///< > 0
  ActionSets sets;                   ///< empty where every row has the same actions
  std::size_t features = 0;

  std::size_t size() const { return reward.size(); }
};

}  // namespace loopline::bandit
