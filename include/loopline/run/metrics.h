#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

namespace loopline::run {

/// metrics.jsonl and its kin: one JSON object a line, appended and flushed to the disk at once; the
/// first key is `iteration`, doubles are written so that they read back bit for bit, non-finite
/// ones as null. A killed writer may leave a torn last line; any other line that is not a JSON
/// object, or is longer than 64 MiB, is an Error where it is read. Logs grow by gigabytes: opening
/// and cutting back look at their ends alone.
class MetricsLog {
 public:
  /// Opens for appending; creates the file. A torn last line is removed.
  explicit MetricsLog(std::filesystem::path path);

  /// Appends one object, keys in their order. When the disk is full the file stays as it was.
  void append(const nlohmann::ordered_json& metrics);

  /// Appends several, all or none.
  void append_all(const std::vector<nlohmann::ordered_json>& lines);

  /// Cuts off the objects behind the last one with "iteration" <= `iteration`; iterations ascend.
  /// An absent file stays absent.
  static void cut_back(const std::filesystem::path& path, std::int64_t iteration);

  /// Hands all complete lines of a file to `use`, in order; a torn last line is ignored.
  static void visit(const std::filesystem::path& path,
                    const std::function<void(nlohmann::json)>& use);

  /// The same as a list.
  static std::vector<nlohmann::json> read(const std::filesystem::path& path);

 private:
  std::filesystem::path path_;
};

}  // namespace loopline::run
