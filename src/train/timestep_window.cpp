#include "loopline/train/timestep_window.h"

#include <string>

#include "loopline/core/error.h"

namespace loopline::train {
namespace {

/// Where the window begins after so many moves.
std::int64_t position(const TrainConfig::Window& window, std::int64_t last, std::int64_t moves) {
  if (window.stride == 0) return window.start;
  const std::int64_t first_round = (last - window.start) / window.stride + 1;
  if (moves < first_round) return window.start + moves * window.stride;
  const std::int64_t round = last / window.stride + 1;
  return (moves - first_round) % round * window.stride;
}

}  // namespace

std::vector<std::int64_t> window_steps(const TrainConfig::Window& window,
                                       const std::vector<std::int64_t>& steps,
                                       std::int64_t iteration) {
  if (!window.size) return steps;
  const std::int64_t last = static_cast<std::int64_t>(steps.size()) - *window.size;
  if (window.start > last) {
    throw Error("config: window", "steps " + std::to_string(window.start) + " to " +
                                      std::to_string(window.start + *window.size - 1) +
                                      " are asked for, and the sampler has " +
                                      std::to_string(steps.size()) +
                                      " steps that draw noise, counted from 0");
  }
  const auto begin = steps.begin() + position(window, last, iteration / window.every);
  return {begin, begin + *window.size};
}

}  // namespace loopline::train
