#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "loopline/core/random.h"
#include "loopline/denoiser/condition.h"
#include "loopline/denoiser/conditioner.h"
#include "loopline/denoiser/denoiser.h"
#include "loopline/diffusion/trajectory.h"
#include "loopline/diffusion/transition.h"

namespace loopline::denoiser {

/// What to sample: N rows, each with its condition and its own place in the random streams.
struct SampleRequest {
  Condition conditional{};    ///< N rows
  Condition unconditional{};  ///< N rows; unused when guidance is 1
  double guidance = 1;
  std::vector<Draw> draws{};  ///< [N]; step 0 draws the initial latents, step i + 1 transition i
  std::int64_t micro_batch = 64;  ///< rows of every forward; the last one is padded to it
  bool latents_on_host = false;   ///< where trajectories keep their latents
  std::function<void(double fraction)> on_progress{};  ///< optional; may throw to abandon the work
  /// Optional: receives the final latents of each micro-batch's real rows, `begin` being the first.
  std::function<void(std::int64_t begin, const at::Tensor& latents)> on_finished{};
};

/// Fills a request's conditions: `copies` rows a prompt, and the unconditional branch when the
/// request's guidance needs it.
void condition_on(SampleRequest& request, Conditioner& conditioner,
                  const std::vector<io::Prompt>& prompts, std::int64_t copies);

/// Runs the sampler without gradients and keeps the paths: float32 latents and log-probabilities.
diffusion::Trajectory sample_trajectories(Denoiser& denoiser,
                                          const diffusion::Transition& transition,
                                          const SampleRequest& request);

/// The same draws, final latents only: float32 [N, C, H, W].
at::Tensor sample_latents(Denoiser& denoiser, const diffusion::Transition& transition,
                          const SampleRequest& request);

/// Row indices 0..rows-1 in chunks of `micro_batch`, each padded to exactly that many rows by
/// repeating its first row: kernels pick their order of summation by the number of rows, so equal
/// counts give equal bits. `valid[i]` rows of chunk i are real.
struct PaddedChunks {
  std::vector<std::vector<std::int64_t>> rows;
  std::vector<std::int64_t> valid;
};
PaddedChunks padded_chunks(const std::vector<std::int64_t>& rows, std::int64_t micro_batch);

}  // namespace loopline::denoiser
