#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "feature_sink.h"
#include "loopline/bandit/log_config.h"
#include "loopline/bandit/log_reader.h"
#include "row_values.h"

namespace loopline::bandit {

/// What a row may have besides action and reward, as bits.
enum Field : unsigned {
  kPropensity = 1,
  kTarget = 2,
  kPosition = 4,
  kCluster = 8,
  kLogger = 16,
  kTime = 32,
  kMultiplicity = 64,
  kSet = 128,
  kSetProbability = 256,
  kLoggerPropensity = 512,
};

/// One row, checked. Values without their bit in `fields` mean nothing.
struct Row {
  unsigned fields = 0;
  std::int64_t action = 0;
  double reward = 0;
  double propensity = 0, target = 0, time = 0, multiplicity = 1;
  std::int64_t position = 0, cluster = 0, logger = 0;
  std::vector<double> logger_propensity;  ///< of every logger
  std::vector<double> context;
  std::size_t set_size = 0;
  std::vector<double> set_feature, set_probability;

  void clear();
};

/// What the sources of a log share. All of it outlives them.
struct SourceParts {
  const LogConfig& config;
  const ReadOptions& options;
  FeatureSink& context;
  FeatureSink& action;
  std::size_t action_features;  ///< width of an encoded action
  Actions& actions;
  NameTable& loggers;
};

/// Of the propensities of all loggers, checked, that of the row's logger is the row's.
void take_own_propensity(Row& row, std::string_view column);

/// The rows of one file, one after the other.
class RowSource {
 public:
  virtual ~RowSource() = default;

  /// The next row; false at the end. After a BadRow the next call goes on behind the bad row.
  virtual bool next(Row& row) = 0;
  /// Of the row that was last asked for, good or bad: "log.csv:12".
  virtual std::string place() const = 0;
  virtual std::size_t buffer_bytes() const = 0;
};

std::unique_ptr<RowSource> open_csv(const std::filesystem::path& file, SourceParts parts);
std::unique_ptr<RowSource> open_vw(const std::filesystem::path& file, SourceParts parts);
std::unique_ptr<RowSource> open_dsjson(const std::filesystem::path& file, SourceParts parts);
std::unique_ptr<RowSource> open_columns(const std::filesystem::path& file, SourceParts parts);

/// Numbers that one row's action set may take, encoded; more is a BadRow.
constexpr std::size_t kMostSetNumbers = 1 << 24;
void check_set_size(std::size_t actions, std::size_t features);

/// +1, or -1 where the file has costs.
double reward_sign(const LogConfig& config, bool has_costs);

}  // namespace loopline::bandit
