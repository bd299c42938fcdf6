#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/run/progress.h"
#include "loopline/run/run_directory.h"
#include "loopline/train/plan.h"

namespace loopline::train {

/// How a call of start_run() or resume_run() ended.
struct TrainingOutcome {
  bool interrupted = false;     ///< a stop was asked for; a checkpoint holds the state
  std::string target_reached;   ///< what ended the run before its last iteration; empty: nothing
  std::string hacking;          ///< why the watch ended the run; empty: it did not
  std::int64_t iterations = 0;  ///< finished, since the start of the run
  nlohmann::json first, last;   ///< metrics of the run's first and last iteration (null: none)
};

/// Starts a new run: checks everything that can be checked, creates the directory, trains.
TrainingOutcome start_run(const TrainPlan& plan, const std::filesystem::path& directory,
                          const nlohmann::json& run_json, run::Progress& progress);

/// Goes on from the newest intact checkpoint (or from the start when there is none yet), bit for
/// bit. `assignments` may change only what is marked so (iterations, output, device, threads);
/// anything else is an Error with both values. Holds the run's lock, as start_run() does.
TrainingOutcome resume_run(run::RunDirectory directory, const std::vector<std::string>& assignments,
                           run::Progress& progress);

}  // namespace loopline::train
