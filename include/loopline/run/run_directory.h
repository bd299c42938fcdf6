#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace loopline::run {

/// A run is a directory:
///   config.yaml    the resolved config, re-reads to an identical run
///   run.json       versions, command line, start time
///   metrics.jsonl  one object an iteration
///   samples/       PNG grids
///   checkpoints/   see checkpoint.h
/// Every command takes that directory.
class RunDirectory {
 public:
  /// Creates `path` (parents too), samples/ and checkpoints/ in it, and writes run.json and
  /// config.yaml. A directory that exists and is not empty is refused: nothing a user made is
  /// overwritten. What an interrupted `create` left there does not count.
  static RunDirectory create(const std::filesystem::path& path, const std::string& config_yaml,
                             const nlohmann::json& run_json);

  /// Opens an existing run; an Error says what is missing when `path` is not one.
  static RunDirectory open(const std::filesystem::path& path);

  /// Whether `path` looks like a run (holds config.yaml and run.json).
  static bool is_run(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path run_json() const { return path_ / "run.json"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace loopline::run
