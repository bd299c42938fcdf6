#pragma once

#include <cstdint>
#include <vector>

#include "loopline/io/model_bundle.h"

namespace loopline::diffusion {

/// Cumulative products of alpha = 1 - beta, fp64, one a training timestep, from a bundle's schedule
/// (names and numbers as diffusers' DDIMScheduler; docs/bundles.md). Betas outside (0, 1) and
/// `flow` are Errors. With rescale_zero_terminal_snr the last one is exactly 0 (Lin et al. 2024,
/// algorithm 1).
std::vector<double> cumulative_alphas(const io::ScheduleSpec& schedule);

/// The timesteps that a sampler visits, descending, as diffusers computes them for the spacing.
/// Timesteps outside the schedule and more steps than training timesteps are Errors.
std::vector<std::int64_t> visited_timesteps(const io::ScheduleSpec& schedule,
                                            const io::TransitionSpec& transition);

}  // namespace loopline::diffusion
