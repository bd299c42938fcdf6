#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/run/run_directory.h"
#include "loopline/train/config.h"

namespace loopline::train {

/// Which checkpoint has the best value of the metric that `checkpoint.best` names. A function of
/// the logged metrics alone, so a resumed run keeps what the straight one does.
class BestCheckpoint {
 public:
  /// `known` are the metrics that the run will log; another name is an Error with the nearest one.
  /// Without a metric none is ever the best.
  BestCheckpoint(const TrainConfig::Checkpoints& options, const std::vector<std::string>& known);

  /// A line of metrics.jsonl or evaluations.jsonl; true when an evaluation sets a record.
  bool see(const nlohmann::json& line);

  /// The best of these checkpoint directories, the earliest of equals.
  std::optional<std::int64_t> among(const std::vector<std::filesystem::path>& checkpoints) const;

 private:
  bool better(double value, double than) const { return highest_ ? value > than : value < than; }

  std::string metric_;
  bool highest_;
  std::map<std::int64_t, double> value_;  ///< by iteration
  std::optional<double> record_;          ///< the best of them
};

/// The iteration of a run's best checkpoint, from its logs. A run that names no metric, or has no
/// checkpoint with a value yet, is an Error.
std::int64_t best_checkpoint(const run::RunDirectory& directory);

}  // namespace loopline::train
