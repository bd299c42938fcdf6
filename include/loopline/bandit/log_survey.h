#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "loopline/bandit/log_block.h"
#include "loopline/bandit/log_reader.h"

namespace loopline::bandit {

/// Means and variances of columns of numbers; mergeable.
struct ColumnMoments {
  double count = 0;
  std::vector<double> mean{}, square{};  ///< square: sum of squared deviations from the mean

  /// `numbers`: row major, `width` a row.
  void add(const std::vector<double>& numbers, std::size_t width);
  void merge(const ColumnMoments& other);
  double deviation(std::size_t column) const;  ///< 1 where the column is constant
};

struct FoldTotal {
  double count = 0, reward = 0;  ///< sums, with multiplicities
};

/// What models and policies must know of a whole log before they can be asked about a row.
struct LogSurvey {
  std::int64_t rows = 0;
  std::int64_t actions = 0;  ///< of a fixed set; of sets, the most that one has
  bool has_sets = false;
  bool has_propensities = false;          ///< other than 1
  std::vector<std::int64_t> positions{};  ///< ascending; empty where the log has none
  double lowest_reward = 0, highest_reward = 0;
  std::int64_t lowest_row = 0, highest_row = 0;  ///< where they were first seen
  std::vector<FoldTotal> folds{};
  ColumnMoments context{}, set_features{};
};

/// Hears how many rows a pass over the log has read.
using PassListener = std::function<void(const std::string& pass, std::int64_t rows)>;

/// Reads what is left in `reader`. More than 1000 positions are an Error.
LogSurvey survey_log(LogReader& reader, int folds, std::int64_t threads,
                     const PassListener& listener = {});

/// The folds of a block's rows: fold_of in term_sample.h.
std::vector<std::size_t> folds_of(const LogBlock& block, int folds);

}  // namespace loopline::bandit
