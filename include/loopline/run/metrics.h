#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace loopline::run {

/// metrics.jsonl: one JSON object a line, appended and flushed at once; the first key is
/// `iteration`, doubles are written so that they read back bit for bit, non-finite ones as null.
class MetricsLog {
 public:
  /// Opens for appending; creates the file. A torn last line is removed.
  explicit MetricsLog(std::filesystem::path path);

  /// Appends one object. Keys keep their order in `metrics`.
  void append(const nlohmann::ordered_json& metrics);

  /// Cuts the file back to the objects with "iteration" <= `iteration` (atomically).
  static void cut_back(const std::filesystem::path& path, std::int64_t iteration);

  /// All complete lines of a file; a torn last line is ignored, a bad line before it is an Error.
  static std::vector<nlohmann::json> read(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
};

}  // namespace loopline::run
