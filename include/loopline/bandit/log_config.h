#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/config/options.h"

namespace loopline::bandit {

enum class LogFormat {
  kCsv,      ///< comma or tab separated, with a header
  kColumns,  ///< Loopline's own binary: log_columns.h
  kVw,       ///< Vowpal Wabbit text: a line a row (--cb), or examples of lines (--cb_adf)
  kDsjson,   ///< Vowpal Wabbit's JSON lines of decision services
};

/// Where a bandit log lies and how it is read. The meaning of each option is written once, in
/// describe() (src/bandit/log_config.cpp).
struct LogConfig {
  std::vector<std::string> files;  ///< read one after the other, as one log
  std::optional<std::string> format, delimiter;

  std::optional<std::string> action, propensity;
  struct Reward {
    std::optional<std::string> column;
    std::optional<std::int64_t> sign;
  } reward;
  std::vector<std::string> context, categorical;
  std::optional<std::string> target, position, cluster, time, logger, multiplicity;
  std::optional<std::string> logger_propensity;  ///< "p_*", where * is a logger's name

  std::optional<std::int64_t> actions;
  std::optional<std::string> action_names;
  std::string bad_rows = "stop";

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show: files that do not exist, a sign of 0, columns
  /// named for a format that has none, no column for the action (where rows are decisions),
  /// propensities of loggers that are not named.
  /// `section` begins the messages.
  void check(const std::string& section = "log", bool needs_decision = true) const;
};

/// As stated, or by the file's ending; an Error when that does not tell.
LogFormat format_of(const LogConfig& config, const std::filesystem::path& file);

}  // namespace loopline::bandit
