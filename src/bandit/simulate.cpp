#include "loopline/bandit/simulate.h"

#include "loopline/bandit/simulation_cell.h"
#include "loopline/bandit/simulation_summary.h"

namespace loopline::bandit {

SimulationOutcome simulate(const SimulateConfig& config, const std::filesystem::path& directory,
                           std::int64_t jobs, run::Progress& progress) {
  config.check();
  const std::shared_ptr<const LabelledData> data = read_data(config);
  SimulateConfig wanted = config, stored;
  Simulation simulation;
  simulation.settings = [&](config::OptionVisitor& v) { wanted.describe(v); };
  simulation.stored = [&](config::OptionVisitor& v) { stored.describe(v); };
  for (const CellKey& key : keys_of(config)) {
    simulation.cells.push_back(
        {key.name(), [&config, data, key] { return simulate_cell(config, data, key).to_json(); }});
  }
  simulation.summarise = [&](const std::vector<FinishedCell>& finished) {
    std::vector<CellResult> cells;
    for (const FinishedCell& cell : finished) {
      cells.push_back(CellResult::from_json(cell.result, cell.file));
    }
    return summarise_simulation(config, cells);
  };
  return run_simulation(simulation, directory, jobs, progress);
}

}  // namespace loopline::bandit
