#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "loopline/bandit/log_config.h"
#include "loopline/bandit/log_reader.h"
#include "row_source.h"

namespace loopline::bandit {

/// The good rows of all files of a log; bad ones stop it or are counted.
class LogRows {
 public:
  /// The sinks must live as long.
  LogRows(LogConfig config, ReadOptions options, FeatureSink& context, FeatureSink& action,
          std::size_t action_features);

  /// False at the end of the log, after its last checks.
  bool next(Row& row);

  const Actions& actions() const { return actions_; }
  const NameTable& loggers() const { return loggers_; }
  std::int64_t most_action() const { return most_action_; }  ///< so far; -1: none
  std::int64_t skipped() const { return skipped_; }
  const std::vector<std::string>& messages() const { return messages_; }
  std::size_t buffer_bytes() const { return source_ ? source_->buffer_bytes() : 0; }

 private:
  void open(const std::filesystem::path& file);
  void open_columns_file(const std::filesystem::path& file, const SourceParts& parts);
  void check_fields(const Row& row);
  void refuse(const BadRow& bad);
  void note(const Row& row);
  void check_all() const;

  LogConfig config_;
  ReadOptions options_;
  FeatureSink& context_;
  FeatureSink& action_;
  std::size_t action_features_;
  Actions actions_;
  NameTable loggers_;
  std::unique_ptr<RowSource> source_;
  std::size_t file_ = 0;
  unsigned fields_ = 0;
  std::int64_t rows_ = 0, skipped_ = 0, most_action_ = -1;
  bool any_propensity_below_1_ = false;
  std::vector<std::string> messages_;
};

}  // namespace loopline::bandit
