#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "loopline/core/random.h"
#include "loopline/denoiser/model.h"
#include "loopline/diffusion/transition.h"
#include "loopline/io/prompt.h"
#include "loopline/train/jury.h"
#include "loopline/train/learner.h"

namespace loopline::train {

struct RolloutOptions {
  std::uint64_t seed = 0;
  std::int64_t iteration = 0;
  std::int64_t group_size = 1;
  std::int64_t micro_batch = 64;
  double guidance = 1;
  bool latents_on_host = false;
};

/// K trajectories of each drawn prompt, their images and what these are worth.
struct Rollout {
  std::int64_t iteration = 0;
  std::vector<io::Prompt> image_prompts;  ///< [N], one an image; groups are neighbours
  std::vector<Draw> draws;                ///< [N], where each image's noise was drawn
  Experience experience;                  ///< without advantages
  at::Tensor images;                      ///< float32 [N, C, H, W] in [0, 1]
  Verdict verdict;
  double judging_seconds = 0;  ///< of the jury's thread
};

/// Samples and judges; while a micro-batch is judged, the next one is sampled. `on_progress`
/// (0..1) may throw to abandon the rollout.
Rollout roll_out(denoiser::Model& model, const diffusion::Transition& transition, Jury& jury,
                 const std::vector<io::Prompt>& group_prompts, const RolloutOptions& options,
                 const std::function<void(double)>& on_progress);

/// The draws of `groups` groups of `group_size` samples: slot and k fill in `place`.
std::vector<Draw> group_draws(Draw place, std::size_t groups, std::int64_t group_size);

}  // namespace loopline::train
