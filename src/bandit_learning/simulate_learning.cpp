#include "loopline/bandit_learning/simulate_learning.h"

#include "loopline/bandit_learning/learning_cell.h"
#include "loopline/bandit_learning/learning_summary.h"
#include "loopline/tensor/device.h"

namespace loopline::bandit_learning {

bandit::SimulationOutcome simulate_learning(const LearningSimulationConfig& config,
                                            const std::filesystem::path& directory,
                                            std::int64_t jobs, run::Progress& progress) {
  config.check();
  tensor::set_threads(1);
  const std::shared_ptr<const bandit::LabelledData> data = bandit::read_data(config);
  LearningSimulationConfig wanted = config, stored;
  bandit::Simulation simulation;
  simulation.settings = [&](config::OptionVisitor& v) { wanted.describe(v); };
  simulation.stored = [&](config::OptionVisitor& v) { stored.describe(v); };
  for (const bandit::CellKey& problem : bandit::keys_of(config)) {
    for (const std::string& objective : config.learning.objectives) {
      const LearningCellKey key{problem, objective};
      simulation.cells.push_back({key.name(), [&config, data, key] {
                                    return learn_in_world(config, data, key).to_json();
                                  }});
    }
  }
  simulation.summarise = [&](const std::vector<bandit::FinishedCell>& finished) {
    std::vector<LearningCell> cells;
    for (const bandit::FinishedCell& cell : finished) {
      cells.push_back(LearningCell::from_json(cell.result, cell.file));
    }
    return summarise_learning(config, cells);
  };
  return bandit::run_simulation(simulation, directory, jobs, progress);
}

}  // namespace loopline::bandit_learning
