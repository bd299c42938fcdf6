#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loopline/config/config_tree.h"
#include "loopline/report/cell.h"

namespace loopline::report {

/// What a run has left so far: its curve, its settings, its picture grids and what `evaluate
/// --save` kept. The cell and its arm are named after the directory; it is finished when all
/// iterations are there. Paths in settings are cut to their last two parts. A directory that is no
/// run is an Error.
Cell cell_of_run(const std::filesystem::path& run);

/// The options of a resolved config as Cell::settings has them.
std::vector<std::pair<std::string, std::string>> settings_of(const config::ConfigTree& config);

/// What `evaluate --save` keeps, RUN/evaluation/NAME.json:
/// {"format": "loopline-evaluation", "version": 1, "iteration": n, "trained": Evaluation or null,
///  "base": Evaluation or null}.
struct SavedEvaluation {
  std::int64_t iteration = 0;  ///< finished when it was made
  std::optional<Evaluation> trained{}, base{};
};
void save_evaluation(const std::filesystem::path& run, const std::string& name,
                     const SavedEvaluation& evaluation);

/// All of a run's, "default" first, then by name. One that is damaged is an Error that names it.
std::vector<SavedEvaluation> saved_evaluations(const std::filesystem::path& run);

}  // namespace loopline::report
