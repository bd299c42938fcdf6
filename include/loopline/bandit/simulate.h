#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "loopline/bandit/simulate_config.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

struct SimulationOutcome {
  bool interrupted = false;        ///< nothing is lost; the same command goes on
  nlohmann::ordered_json summary;  ///< simulation_summary.h, of the cells that are finished
};

/// Makes the cells that are missing, `jobs` at a time, and summarises all. In the directory:
///   simulation.yaml   marks it: the settings of its cells
///   cells/NAME.json   what a finished cell found (simulation_cell.h)
///   summary.json      simulation_summary.h
/// The number of jobs changes no bit. More temperatures, lengths and seeds may be asked for later;
/// other settings than the directory's are an Error (exit 2) with both values.
SimulationOutcome simulate(const SimulateConfig& config, const std::filesystem::path& directory,
                           std::int64_t jobs, run::Progress& progress);

}  // namespace loopline::bandit
