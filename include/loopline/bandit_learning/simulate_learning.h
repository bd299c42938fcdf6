#pragma once

#include <cstdint>
#include <filesystem>

#include "loopline/bandit/cells.h"
#include "loopline/bandit_learning/learning_simulation_config.h"
#include "loopline/run/progress.h"

namespace loopline::bandit_learning {

/// Learners against a known truth: a cell (learning_cell.h) of each problem and objective, its
/// summary learning_summary.h. LibTorch is set to one thread a cell, so the number of jobs changes
/// no bit. More temperatures, lengths, seeds and objectives may be asked for later.
bandit::SimulationOutcome simulate_learning(const LearningSimulationConfig& config,
                                            const std::filesystem::path& directory,
                                            std::int64_t jobs, run::Progress& progress);

}  // namespace loopline::bandit_learning
