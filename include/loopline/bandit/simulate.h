#pragma once

#include <cstdint>
#include <filesystem>

#include "loopline/bandit/cells.h"
#include "loopline/bandit/simulate_config.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

/// Estimators against a known truth: a cell (simulation_cell.h) of each problem, its summary
/// simulation_summary.h. The number of jobs changes no bit. More temperatures, lengths and seeds
/// may be asked for later.
SimulationOutcome simulate(const SimulateConfig& config, const std::filesystem::path& directory,
                           std::int64_t jobs, run::Progress& progress);

}  // namespace loopline::bandit
