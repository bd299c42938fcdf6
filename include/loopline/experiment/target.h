#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "loopline/denoiser/model.h"
#include "loopline/io/prompt.h"
#include "loopline/run/run_directory.h"
#include "loopline/train/config.h"
#include "loopline/train/weights_choice.h"

namespace loopline::experiment {

/// What commands take as RUN_OR_BUNDLE: a model with the weights that it had before training, ready
/// to run. A run's model computes in the precision of the run.
struct Target {
  denoiser::Model model;
  io::TransitionSpec transition;  ///< the run's, or the bundle's
  std::int64_t micro_batch = 64;
  std::optional<run::RunDirectory> run;  ///< absent for a bundle
  std::optional<train::TrainConfig> config;

  /// Lays a command's sampler options over `transition`.
  void override_sampler(std::optional<std::int64_t> steps, std::optional<double> eta,
                        std::optional<double> guidance);

  /// Lays the weights of one of the run's checkpoints over it (train::trained_weights); returns the
  /// checkpoint's iteration. A bundle has none: an Error.
  std::int64_t load_trained(const train::WeightsChoice& choice);
};

/// Loads a run directory or a model bundle and sets the number of threads. Anything else is an
/// Error.
Target load_target(const std::filesystem::path& path, const std::string& bundle_device,
                   std::optional<std::int64_t> threads);

}  // namespace loopline::experiment
