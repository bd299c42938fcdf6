#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "loopline/bandit/feature_encoding.h"
#include "loopline/bandit/log_config.h"
#include "loopline/bandit/log_reader.h"

namespace loopline::bandit {

/// A log as safetensors columns, encoded: `action`, `reward`, `propensity`, `context` [n, f], ... ,
/// `sets.offset` [n + 1], `sets.id`, `sets.feature`, `sets.probability`, I64 and F64. The metadata
/// has `schema` (kColumnsSchema), `fingerprint`, `encoding` (JSON) and `names` (JSON: loggers,
/// actions). Rows come back bit for bit, in the same blocks.
constexpr const char* kColumnsSchema = "loopline.bandit.log/1";

struct ColumnsInfo {
  std::string fingerprint;
  LogEncoding encoding;
  std::int64_t rows = 0;
  std::int64_t actions = 0;
  std::vector<std::string> action_names, loggers;
};

/// What rows a reader of this log would give: a hash of its files' content, of the options and of
/// the encoding. A columns file with another fingerprint is stale.
std::string log_fingerprint(const LogConfig& config, const LogEncoding& encoding);

/// Writes what is left in `reader`, atomically, in memory that does not depend on its length (but
/// with twice the file's size on the disk meanwhile).
void write_columns(const std::filesystem::path& path, LogReader& reader,
                   const std::string& fingerprint);

/// What a columns file says about itself. The rows are read by a LogReader on it (format columns);
/// what is wrong with them is an Error whatever `bad_rows` says.
ColumnsInfo read_columns(const std::filesystem::path& path);

}  // namespace loopline::bandit
