#pragma once

#include <cstdint>
#include <vector>

#include "loopline/train/config.h"

namespace loopline::train {

/// The steps that an iteration (0-based) trains on: all of `steps` without a window, else `size`
/// neighbours of them. It moves as MixGRPO's does (arXiv 2507.21802): from the noisiest to the
/// cleanest, then again from the noisiest. A window that does not fit is an Error.
std::vector<std::int64_t> window_steps(const TrainConfig::Window& window,
                                       const std::vector<std::int64_t>& steps,
                                       std::int64_t iteration);

}  // namespace loopline::train
