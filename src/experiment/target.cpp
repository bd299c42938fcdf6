#include "loopline/experiment/target.h"

#include "loopline/core/error.h"
#include "loopline/tensor/device.h"
#include "loopline/train/training_run.h"

namespace loopline::experiment {

void Target::override_sampler(std::optional<std::int64_t> steps, std::optional<double> eta,
                              std::optional<double> guidance) {
  if (steps) transition.steps = *steps;
  if (eta) transition.eta = *eta;
  if (guidance) transition.guidance = *guidance;
}

std::int64_t Target::load_trained() {
  LOOPLINE_CHECK(run && config, "only a run has trained weights");
  return train::load_trained_weights(
      *run, denoiser::select_trainable(*model.denoiser, config->trainable));
}

Target load_target(const std::filesystem::path& path, const std::string& bundle_device,
                   std::optional<std::int64_t> threads) {
  Target target;
  if (run::RunDirectory::is_run(path)) {
    target.run = run::RunDirectory::open(path);
    io::ModelBundle bundle;
    target.config = train::load_train_config(target.run->config(), {}, &bundle);
    tensor::set_threads(static_cast<int>(threads.value_or(target.config->threads)));
    target.model =
        denoiser::load_model(target.config->model, tensor::parse_device(target.config->device));
    target.transition = train::transition_spec(*target.config, bundle);
    target.micro_batch = target.config->rollout.micro_batch;
    return target;
  }
  if (!std::filesystem::exists(path / "bundle.json")) {
    throw Error(path.string(),
                "is neither a run (config.yaml, run.json) nor a model bundle (bundle.json)");
  }
  tensor::set_threads(static_cast<int>(threads.value_or(0)));
  target.model = denoiser::load_model(path, tensor::parse_device(bundle_device));
  target.transition = target.model.bundle.transition;
  return target;
}

Draw content_draw(Stream stream, std::uint64_t seed, const io::Prompt& prompt, std::int64_t k) {
  // An odd multiplier keeps different seeds apart before the prompt's key is folded in.
  return {.seed = seed * 0x9E3779B97F4A7C15ULL ^ io::prompt_key(prompt),
          .stream = stream,
          .k = static_cast<std::uint32_t>(k)};
}

}  // namespace loopline::experiment
