#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "loopline/run/run_lock.h"

namespace loopline::run {

/// A run is a directory:
///   config.yaml    the resolved config, re-reads to an identical run
///   run.json       versions, command line, start time
///   metrics.jsonl  one object an iteration
///   evaluations.jsonl    one object an evaluation, when the run evaluates while it trains
///   samples.jsonl        one object a logged training image; pictures/ holds the images
///   init.safetensors     the weights that it started from, when not its bundle's own
///   samples/       PNG grids
///   checkpoints/   see checkpoint.h
///   tensorboard/   event files, when the run writes them
///   .lock          held by the process that writes into it, see run_lock.h
/// Every command takes that directory; those that only read it need no lock.
class RunDirectory {
 public:
  /// Creates `path` (parents too), samples/ and checkpoints/ in it, and writes run.json and
  /// config.yaml. A directory that exists and is not empty is refused: nothing a user made is
  /// overwritten. What an interrupted `create` left there does not count. `write_initial_weights`,
  /// if given, writes the file that it is handed. The result holds the run's lock.
  static RunDirectory create(
      const std::filesystem::path& path, const std::string& config_yaml,
      const nlohmann::json& run_json,
      const std::function<void(const std::filesystem::path&)>& write_initial_weights = {});

  /// Opens an existing run; an Error says what is missing when `path` is not one.
  static RunDirectory open(const std::filesystem::path& path);

  /// Takes the run's lock, for as long as this object or a copy of it lives; then removes what
  /// killed writers left, and makes samples/ and checkpoints/ if they are missing.
  void lock();

  /// The lock; there must be one.
  const RunLock& held_lock() const;

  /// Whether `path` looks like a run (holds config.yaml and run.json).
  static bool is_run(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path config() const { return path_ / "config.yaml"; }
  std::filesystem::path run_json() const { return path_ / "run.json"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path evaluations() const { return path_ / "evaluations.jsonl"; }
  std::filesystem::path sample_log() const { return path_ / "samples.jsonl"; }
  std::filesystem::path pictures() const { return path_ / "pictures"; }
  std::filesystem::path initial_weights() const { return path_ / "init.safetensors"; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path tensorboard() const { return path_ / "tensorboard"; }

 private:
  explicit RunDirectory(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::shared_ptr<RunLock> lock_;
};

}  // namespace loopline::run
