#pragma once

#include <string>

#include "loopline/core/error.h"
#include "loopline/io/model_bundle.h"

namespace loopline::diffusion {

inline io::ScheduleSpec stable_diffusion_schedule() {
  io::ScheduleSpec schedule;
  schedule.kind = io::ScheduleKind::kScaledLinear;
  schedule.train_steps = 1000;
  schedule.beta_start = 0.00085;
  schedule.beta_end = 0.012;
  return schedule;
}

/// DDPO's sampler: 50 steps of Stable Diffusion with eta 1.
inline io::TransitionSpec stable_diffusion_transition() {
  io::TransitionSpec transition;
  transition.steps = 50;
  transition.eta = 1;
  transition.spacing = io::TimestepSpacing::kLeading;
  transition.steps_offset = 1;
  transition.set_alpha_to_one = false;
  return transition;
}

/// The line that an Error shows, "" when nothing is thrown.
template <typename Action>
std::string message_of(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace loopline::diffusion
