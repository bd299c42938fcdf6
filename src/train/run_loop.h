#pragma once

#include <cstdint>

#include "loopline/train/trainer.h"
#include "loopline/train/training_run.h"

namespace loopline::train {

/// The iterations of one call of start_run() or resume_run(), from the `begin`-th on, with
/// everything that they leave in the run's directory, which holds its lock.
TrainingOutcome run_iterations(Trainer& trainer, const TrainConfig& config,
                               const run::RunDirectory& directory, run::Progress& progress,
                               std::int64_t begin);

}  // namespace loopline::train
