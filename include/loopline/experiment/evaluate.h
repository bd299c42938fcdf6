#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loopline/denoiser/model.h"
#include "loopline/diffusion/transition.h"
#include "loopline/io/prompt.h"
#include "loopline/reward/reward.h"
#include "loopline/run/progress.h"
#include "loopline/stats/interval.h"

namespace loopline::experiment {

/// A named list of held-out (or training) prompts.
struct Split {
  std::string name;
  std::vector<io::Prompt> prompts;
};

/// How images are drawn for an evaluation. Noise depends on the seed and the prompt's content, not
/// on the split or the order, so two models are compared on common random numbers.
struct EvaluationOptions {
  io::TransitionSpec transition;  ///< its guidance is used, too
  std::int64_t images_per_prompt = 6;
  std::int64_t micro_batch = 64;
  std::uint64_t seed = 1;
};

/// Values of one metric, each with the prompt (index in the split) it belongs to.
struct MetricValues {
  std::vector<double> value;
  std::vector<std::int64_t> prompt;
};
using SplitValues = std::map<std::string, MetricValues>;

/// Draws and judges one split. Metrics: "reward", every component of every judge under its own
/// name, and, with two images a prompt or more, "diversity": the mean root-mean-square pixel
/// distance between images of one prompt. `on_image` receives the number of images finished.
SplitValues evaluate_split(denoiser::Model& model, const EvaluationOptions& options,
                           const Split& split, reward::Reward& reward,
                           const std::vector<std::unique_ptr<reward::Reward>>& judges,
                           const std::function<void(std::int64_t)>& on_images);

/// Mean and 95 % interval of every metric; prompts are the unit of resampling.
std::map<std::string, stats::Interval> summarize(const SplitValues& values, std::uint64_t seed);

/// The same for the paired difference `after` - `before` (same prompts, same noise).
std::map<std::string, stats::Interval> summarize_gain(const SplitValues& after,
                                                      const SplitValues& before,
                                                      std::uint64_t seed);

/// What `loopline evaluate` is asked for.
struct EvaluationRequest {
  std::filesystem::path target{};       ///< a run directory or a model bundle
  std::vector<std::string> prompts{};   ///< prompt files; empty: the run's own
  std::optional<std::string> reward{};  ///< needed for a bundle
  std::vector<std::string> judges{};
  std::optional<std::int64_t> images_per_prompt{}, max_prompts{}, seed{}, steps{}, threads{};
  std::optional<double> eta{}, guidance{};
  std::string device = "auto";  ///< for a bundle; a run has its own
};

/// Evaluates a run against its base model (or a bundle alone):
/// {"target", "iteration", "images_per_prompt", "splits": {NAME: {METRIC: {"mean","low","high"}}},
///  "base": {same}, "gain": {same, paired}}. Images a split are in "images".
nlohmann::ordered_json evaluate(const EvaluationRequest& request, run::Progress& progress);

}  // namespace loopline::experiment
