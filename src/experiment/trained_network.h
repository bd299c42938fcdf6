#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "loopline/run/run_directory.h"
#include "loopline/tensor/script_module.h"
#include "loopline/train/plan.h"
#include "loopline/train/weights_choice.h"

namespace loopline::experiment {

/// A run's network as it is after training, in float32 on the CPU, and where it came from.
struct TrainedNetwork {
  train::TrainPlan plan;
  std::string config_hash;
  tensor::ScriptModule module;
  std::set<std::string> changed;  ///< parameters that differ from the bundle's
  std::int64_t iteration;
  bool average;
};

TrainedNetwork load_trained_network(const run::RunDirectory& run,
                                    const train::WeightsChoice& choice);

}  // namespace loopline::experiment
