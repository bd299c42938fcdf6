#pragma once

#include <string>

namespace loopline::train {

/// Which of a run's weights.
struct WeightsChoice {
  std::string checkpoint = "latest";  ///< the newest intact one; "best" (best_checkpoint.h); or an
                                      ///< iteration
  bool average = false;               ///< the moving average that stands beside the weights
  bool operator==(const WeightsChoice&) const = default;
};

}  // namespace loopline::train
