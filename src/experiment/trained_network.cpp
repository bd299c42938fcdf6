#include "trained_network.h"

#include <ATen/ATen.h>

#include "loopline/core/hash.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/weights.h"

namespace loopline::experiment {

TrainedNetwork load_trained_network(const run::RunDirectory& run,
                                    const train::WeightsChoice& choice) {
  train::TrainPlan plan = train::load_train_plan(run.config());
  tensor::ScriptModule module(plan.bundle.denoiser, at::kCPU);
  const train::TrainedWeights weights = train::trained_weights(run, choice);
  tensor::NamedTensors target;
  std::set<std::string> changed;
  for (const auto& [name, parameter] : module.parameters()) {
    const auto trained = weights.tensors.find(name);
    if (trained == weights.tensors.end()) continue;
    target.emplace(name, parameter.detach());
    if (!at::equal(parameter, trained->second)) changed.insert(name);
  }
  tensor::copy_tensors(weights.tensors, target, run.path().string());
  return {std::move(plan),    sha256_file(run.config()), std::move(module),
          std::move(changed), weights.iteration,         choice.average};
}

}  // namespace loopline::experiment
