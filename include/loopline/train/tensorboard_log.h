#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "loopline/io/event_file.h"

namespace loopline::train {

/// What a session of a run (one start or resume) shows in TensorBoard. Steps are iterations, tags
/// the keys of metrics.jsonl and evaluations.jsonl, which stay the source: whatever is here can be
/// had from them.
///
/// A session that begins at iteration `begin` voids what earlier ones logged at `begin` and after
/// it. (At `begin` too: a killed process may have left a line in a log and not in its event file.)
/// So its owner first repeats what the logs hold of `begin`.
class TensorBoardLog {
 public:
  /// Opens a new event file in `directory`; errors as of io::EventFile, here and below.
  TensorBoardLog(const std::filesystem::path& directory, std::int64_t begin);

  /// The config as a block of code under "config".
  void config(const std::string& yaml);

  /// The numbers of a line of metrics.jsonl at its iteration. Left out: what is no number, is not
  /// finite, or is beyond a float.
  void metrics(const nlohmann::json& line);

  /// The same of a line of evaluations.jsonl, without what the metrics of that iteration hold
  /// already: a tag has one value a step.
  void evaluation(const nlohmann::json& line);

  /// A grid of samples/ under "samples".
  void grid(std::int64_t iteration, const std::filesystem::path& png);

  /// To be called at the end, see io::EventFile.
  void close() { file_.close(); }

 private:
  std::int64_t begin_;
  io::EventFile file_;
};

}  // namespace loopline::train
