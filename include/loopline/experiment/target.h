#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "loopline/core/random.h"
#include "loopline/denoiser/model.h"
#include "loopline/io/prompt.h"
#include "loopline/run/run_directory.h"
#include "loopline/train/config.h"

namespace loopline::experiment {

/// What commands take as RUN_OR_BUNDLE: a model with its base weights, ready to run.
struct Target {
  denoiser::Model model;
  io::TransitionSpec transition;  ///< the run's, or the bundle's
  std::int64_t micro_batch = 64;
  std::optional<run::RunDirectory> run;  ///< absent for a bundle
  std::optional<train::TrainConfig> config;

  /// Lays a command's sampler options over `transition`.
  void override_sampler(std::optional<std::int64_t> steps, std::optional<double> eta,
                        std::optional<double> guidance);

  /// Replaces the base weights by those of the run's newest checkpoint; returns its iteration.
  std::int64_t load_trained();
};

/// Loads a run directory or a model bundle and sets the number of threads. Anything else is an
/// Error.
Target load_target(const std::filesystem::path& path, const std::string& bundle_device,
                   std::optional<std::int64_t> threads);

/// The draw of image `k` of a prompt: the prompt's content is folded into the seed, so that noise
/// does not depend on the order or the number of prompts.
Draw content_draw(Stream stream, std::uint64_t seed, const io::Prompt& prompt, std::int64_t k);

}  // namespace loopline::experiment
