#pragma once

#include <vector>

#include "loopline/diffusion/transition.h"

namespace loopline::diffusion {

/// The steps of Transition, with every refusal that its constructor promises.
std::vector<Step> make_ddim_steps(const io::ScheduleSpec& schedule, io::PredictionType prediction,
                                  const io::TransitionSpec& transition);

}  // namespace loopline::diffusion
