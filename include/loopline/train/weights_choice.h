#pragma once

#include <string>
#include <utility>

namespace loopline::train {

/// Which of a run's weights.
struct WeightsChoice {
  WeightsChoice(std::string which = "latest", bool the_average = false)
      : checkpoint(std::move(which)), average(the_average) {}

  std::string
      checkpoint;  ///< latest (the newest intact one), best (best_checkpoint.h), an iteration
  bool average;    ///< the moving average that stands beside the weights
  bool operator==(const WeightsChoice&) const = default;
};

}  // namespace loopline::train
