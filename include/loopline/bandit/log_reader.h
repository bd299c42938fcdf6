#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/feature_encoding.h"
#include "loopline/bandit/log_block.h"
#include "loopline/bandit/log_config.h"
#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

/// What reading may take. The defaults are for work, others for tests.
struct ReadLimits {
  std::size_t buffer_bytes = 1 << 20;  ///< that a text file is read through, to begin with
  std::size_t line_bytes = 16 << 20;   ///< a row (a line, an example of lines); longer: an Error
  std::size_t block_rows = kBlockRows;
  std::size_t block_numbers = 1 << 25;  ///< features in one block; a block has fewer rows for it
};

struct ReadOptions {
  bool needs_propensity = true;  ///< false: a log may be without, or all of them may be 1
  /// Which good rows are handed out, by what is independent: the row's cluster, or without clusters
  /// its number among all good rows. Those handed out are numbered anew. Unset: all.
  std::function<bool(std::int64_t unit)> keep{};
  /// Shares of the loggers, where rows have the propensity of every logger (logger_shares): their
  /// propensity becomes the mixture's, sum_l share_l pi_l(a | x). Empty: that of the row's logger.
  std::vector<double> logger_shares{};
  /// False: a CSV file may be without action and reward, which then are 0: its rows are contexts.
  bool needs_decision = true;
  ReadLimits limits;
};

/// Reads a log block by block, in memory that does not depend on its length.
///
/// A bad row is one with the wrong number of fields, a text that is no finite number where one is
/// needed, an action that is not known, a propensity that is missing or outside (0, 1], a target
/// outside [0, 1], a multiplicity that is not positive, a logger without a column of propensities
/// where there are such columns. With `bad_rows: stop` it is an Error with
/// file, line and column; with `skip` it is counted. Whatever the rows are like, a log without
/// rows, or whose propensities are needed and all exactly 1, is an Error in the end.
///
/// CSV: columns are found by the names of the header. Fields may be quoted ("" is a quote), lines
/// may end in CRLF, a byte order mark and blank lines do not matter. Empty fields are no numbers.
/// VW: actions are numbered from 1 there, from 0 here; in examples of several lines the action is
/// the place of the line. Features are "namespace^name": a number, or for `name=text` and
/// `name:text` a category. DSJSON: the action is the place in `_multi`; strings are categories;
/// rows that say `_skipLearn` are passed over; multiplicity is 1 / (1 - pdrop). In both, costs
/// become rewards by their negative unless `reward.sign` is 1.
class LogReader {
 public:
  /// Checks the config. An empty encoding: no features are read (or, from columns, those that the
  /// file has). The encoding's CSV columns must be there.
  explicit LogReader(const LogConfig& config, LogEncoding encoding = {}, ReadOptions options = {});
  /// A log in memory, whose blocks are handed out as they are: what a simulation has drawn.
  LogReader(std::shared_ptr<const std::vector<LogBlock>> blocks, LogEncoding encoding,
            std::int64_t actions);
  ~LogReader();
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;

  /// The next rows, at most ReadLimits::block_rows; nothing when all are read. Where blocks end is
  /// a function of the rows alone.
  std::optional<LogBlock> next();

  const LogEncoding& encoding() const;
  std::int64_t rows() const;  ///< good ones, so far

  std::int64_t skipped() const;                              ///< bad ones, so far
  const std::vector<std::string>& skipped_messages() const;  ///< of the first 10

  /// As configured; otherwise one more than the largest so far.
  std::int64_t actions() const;
  const std::vector<std::string>& action_names() const;  ///< empty when they have none
  /// In the order of first appearance, or of their columns of propensities.
  const std::vector<std::string>& loggers() const;

  std::size_t buffer_bytes() const;  ///< that text is held in now

 private:
  struct State;
  struct FileState;
  struct MemoryState;
  std::unique_ptr<State> state_;
};

/// The shares of the loggers in the rows that are left, with multiplicities. Empty where rows do
/// not have the propensity of every logger.
std::vector<double> logger_shares(LogReader& reader);

/// Learns the encoding of a log's features in one pass. CSV: those of `context`; a column all of
/// whose values are numbers (empty ones aside) and which is not listed under `categorical` is
/// numeric. VW and DSJSON: all that appear, numbers and categories under one name apart. Columns:
/// the one in the file. Bad rows are treated as LogReader does. More than kMostFeatures numbers are
/// an Error.
LogEncoding learn_encoding(const LogConfig& config, ReadOptions options = {});

}  // namespace loopline::bandit
