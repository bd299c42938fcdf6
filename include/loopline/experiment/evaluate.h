#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/run/progress.h"
#include "loopline/train/weights_choice.h"

namespace loopline::experiment {

/// What `loopline evaluate` is asked for.
struct EvaluationRequest {
  std::filesystem::path target{};      ///< a run directory or a model bundle
  std::vector<std::string> prompts{};  ///< prompt files; empty: the run's own
  std::vector<std::string> reward{};   ///< terms; needed for a bundle
  std::vector<std::string> judges{};
  std::optional<std::int64_t> images_per_prompt{}, max_prompts{}, seed{}, steps{}, threads{};
  std::optional<double> eta{}, guidance{};
  train::WeightsChoice weights{};  ///< of a run
  std::string device = "auto";     ///< for a bundle; a run has its own
  std::string only{};              ///< of a run: "base" or "trained" alone; empty: both
  std::string save{};              ///< of a run: keep the scores in RUN/evaluation/SAVE.json
};

/// Evaluates a run against its base model (or a bundle alone):
/// {"target", "iteration", "images_per_prompt", "splits": {NAME: {METRIC: {"mean","low","high"}}},
///  "base": {same}, "gain": {same, paired}}. Images a split are in "images". With `save`, every
/// metric's mean by prompt and the worst images are kept for reports (report/run_cell.h).
nlohmann::ordered_json evaluate(const EvaluationRequest& request, run::Progress& progress);

}  // namespace loopline::experiment
