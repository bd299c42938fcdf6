#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/bandit/feature_encoding.h"
#include "loopline/bandit/log_config.h"
#include "loopline/bandit/log_reader.h"

namespace loopline::bandit {

/// A log as safetensors columns, encoded: `action`, `reward`, `propensity`, `context` [n, f], ... ,
/// `logger_propensity` [n, loggers], `sets.offset` [n + 1], `sets.id`, `sets.feature`,
/// `sets.probability`, I64 and F64. The metadata has `schema` (kColumnsSchema), `fingerprint`,
/// `encoding` (JSON) and `names` (JSON: loggers, actions); `estimated_propensities` (JSON: how)
/// says that the propensities were not logged. Rows come back bit for bit, in the same blocks.
constexpr const char* kColumnsSchema = "loopline.bandit.log/1";

struct ColumnsInfo {
  std::string fingerprint;
  LogEncoding encoding;
  std::int64_t rows = 0;
  std::int64_t actions = 0;
  std::vector<std::string> action_names, loggers;
  bool has_estimated_propensities = false;
};

/// What rows a reader of this log would give: a hash of its files' content, of the options and of
/// the encoding. A columns file with another fingerprint is stale.
std::string log_fingerprint(const LogConfig& config, const LogEncoding& encoding);

/// Propensities that stand in for a log's own, a row each, and how they came about.
struct EstimatedPropensities {
  std::function<std::vector<double>(const LogBlock& block)> of;
  nlohmann::json about;
};

/// Writes what is left in `reader`, atomically, in memory that does not depend on its length (but
/// with twice the file's size on the disk meanwhile).
void write_columns(const std::filesystem::path& path, LogReader& reader,
                   const std::string& fingerprint,
                   const EstimatedPropensities* estimated = nullptr);

/// What a columns file says about itself. The rows are read by a LogReader on it (format columns);
/// what is wrong with them is an Error whatever `bad_rows` says.
ColumnsInfo read_columns(const std::filesystem::path& path);

/// Whether a log is a columns file that says so.
bool has_estimated_propensities(const LogConfig& config);

}  // namespace loopline::bandit
