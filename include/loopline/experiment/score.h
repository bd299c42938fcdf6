#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/run/progress.h"

namespace loopline::experiment {

/// What `loopline score` is asked for.
struct ScoreRequest {
  /// PNG or JPEG files, or directories of them (by extension, sorted by name, not deeper).
  std::vector<std::filesystem::path> images{};
  std::vector<std::string> reward{};               ///< terms, as in a config (reward/reward_plan.h)
  std::optional<std::string> prompt{};             ///< one text for all images
  std::optional<std::filesystem::path> prompts{};  ///< or a file of one prompt an image, in order
  std::int64_t micro_batch = 16;  ///< images of one size that a network judges at once
  std::string device = "auto";
};

/// Rewards of image files. Images keep their sizes; where a reward bundle takes 3 channels, grey is
/// repeated and alpha left out for all terms. A prompt file with another number of lines, or a
/// reward that reads prompts where none is given, is an Error.
///
/// {"reward": name, "hash", "mean": {"total", "components": {}} of the valid images, or null,
/// "images": [{"file", "prompt", "valid", "total", "components": {}}]}. The total of an invalid
/// image is null.
nlohmann::ordered_json score_images(const ScoreRequest& request, run::Progress& progress);

}  // namespace loopline::experiment
