#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/io/image.h"
#include "loopline/io/prompt.h"
#include "loopline/run/progress.h"
#include "loopline/train/weights_choice.h"

namespace loopline::experiment {

/// What `loopline sample` is asked for.
struct SampleRequest {
  std::filesystem::path target{};     ///< a run directory or a model bundle
  std::vector<io::Prompt> prompts{};  ///< images of one prompt are one row; none: unprompted
  std::int64_t count = 4;             ///< images of each prompt
  std::int64_t seed = 0;
  /// Each pixel is drawn this many times wider and higher; blank: small images up to 128 pixels.
  std::optional<std::int64_t> zoom{};
  bool base = false;               ///< a run's model before training
  train::WeightsChoice weights{};  ///< of a run
  std::optional<std::int64_t> steps{}, threads{};
  std::optional<double> eta{}, guidance{};
  std::string device = "auto";  ///< for a bundle; a run has its own
};

/// One picture: rows are prompts. Image k of a prompt depends on seed, text and k alone.
io::Image sample_images(const SampleRequest& request, run::Progress& progress);

}  // namespace loopline::experiment
