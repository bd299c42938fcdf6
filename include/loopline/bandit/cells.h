#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/config/read_options.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

/// A piece of a simulation that is made once and kept.
struct Cell {
  std::string name;  ///< of its file, without the ending
  /// A function of nothing else than the settings and the name, safe to call beside other cells'. A
  /// signal ends it with stopped().
  std::function<nlohmann::ordered_json()> make;
};

/// What its file says.
struct FinishedCell {
  nlohmann::json result;
  std::string file;
};

/// A simulation, whatever it is of.
struct Simulation {
  config::Describe settings;  ///< of the cells
  config::Describe stored;    ///< those of another value, which the directory's are read into
  std::vector<Cell> cells;    ///< in the order in which they are made
  /// Of the finished ones, in that order.
  std::function<nlohmann::ordered_json(const std::vector<FinishedCell>& cells)> summarise;
};

struct SimulationOutcome {
  bool interrupted = false;        ///< nothing is lost; the same command goes on
  nlohmann::ordered_json summary;  ///< of the cells that are finished
};

/// Makes the cells that are missing, `jobs` at a time, and summarises all. In the directory:
///   simulation.yaml   marks it: the settings of its cells
///   cells/NAME.json   what a finished cell found, in one line
///   summary.json
/// More cells may be asked for later; other settings than the directory's, but for those that may
/// change on resume, are an Error (exit 2) with both values. A cell that fails ends the simulation.
SimulationOutcome run_simulation(const Simulation& simulation,
                                 const std::filesystem::path& directory, std::int64_t jobs,
                                 run::Progress& progress);

}  // namespace loopline::bandit
