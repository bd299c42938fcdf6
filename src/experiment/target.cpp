#include "loopline/experiment/target.h"

#include "loopline/core/error.h"
#include "loopline/tensor/cuda_options.h"
#include "loopline/tensor/device.h"
#include "loopline/train/plan.h"
#include "loopline/train/weights.h"

namespace loopline::experiment {

void Target::override_sampler(std::optional<std::int64_t> steps, std::optional<double> eta,
                              std::optional<double> guidance) {
  if (steps) transition.steps = *steps;
  if (eta) transition.eta = *eta;
  if (guidance) transition.guidance = *guidance;
}

std::int64_t Target::load_trained(const train::WeightsChoice& choice) {
  if (!run) {
    throw Error("--checkpoint, --ema",
                model.bundle.name + " is a bundle, and only runs have checkpoints");
  }
  const train::TrainedWeights weights = train::trained_weights(*run, choice);
  train::lay_over(weights.tensors, *model.denoiser, run->path().string());
  return weights.iteration;
}

Target load_target(const std::filesystem::path& path, const std::string& bundle_device,
                   std::optional<std::int64_t> threads) {
  Target target;
  if (run::RunDirectory::is_run(path)) {
    target.run = run::RunDirectory::open(path);
    train::TrainPlan plan = train::load_train_plan(target.run->config());
    plan.config.threads = threads.value_or(plan.config.threads);
    target.config = plan.config;
    train::compute_as(plan.config);
    target.model = train::load_network(plan, train::initial_weights(*target.run));
    target.transition = train::transition_spec(plan.config, plan.bundle);
    target.micro_batch = target.config->rollout.micro_batch;
    return target;
  }
  if (!std::filesystem::exists(path / "bundle.json")) {
    throw Error(path.string(),
                "is neither a run (config.yaml, run.json) nor a model bundle (bundle.json)");
  }
  tensor::set_threads(static_cast<int>(threads.value_or(0)));
  tensor::set_cuda_options({});  // as a run has them unless its config says otherwise
  target.model = denoiser::load_model(path, tensor::parse_device(bundle_device));
  target.transition = target.model.bundle.transition;
  return target;
}

}  // namespace loopline::experiment
