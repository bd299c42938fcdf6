#include "loopline/experiment/dry_run.h"

#include <algorithm>
#include <cmath>

#include "loopline/core/error.h"
#include "loopline/tensor/memory.h"
#include "loopline/train/known_prompts.h"
#include "loopline/train/trainer.h"

namespace loopline::experiment {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// How often an iteration of a config calls the network.
struct Work {
  std::int64_t forwards = 0, reference_forwards = 0, pairs = 0, updates = 0, backwards = 0;
};

Work work_of(const train::TrainConfig& c, std::int64_t stochastic_steps) {
  Work work;
  work.forwards = ceil_divide(c.rollout.images, c.rollout.micro_batch) * *c.sampler.steps;
  const std::int64_t steps = std::min(stochastic_steps, c.window.size.value_or(stochastic_steps));
  const std::int64_t measured = c.kl.reward > 0 ? c.rollout.images : *c.kl.images;
  work.reference_forwards =
      ceil_divide(std::min(measured, c.rollout.images), c.rollout.micro_batch) * steps;
  work.pairs = c.rollout.images *
               static_cast<std::int64_t>(
                   std::ceil(c.learner.timestep_fraction * static_cast<double>(steps) - 1e-9));
  work.updates = *c.learner.updates_per_epoch * c.learner.inner_epochs;
  work.backwards = work.updates * ceil_divide(ceil_divide(work.pairs, *c.learner.updates_per_epoch),
                                              c.rollout.micro_batch);
  return work;
}

std::size_t stochastic_steps(const train::TrainConfig& config, const io::ModelBundle& bundle) {
  return diffusion::Transition(bundle.schedule, bundle.prediction_type,
                               train::transition_spec(config, bundle))
      .stochastic_steps()
      .size();
}

/// The smallest run of two iterations whose calls of the network are as large as the plan's.
train::TrainPlan smallest(const train::TrainPlan& plan) {
  train::TrainPlan small = plan;
  train::TrainConfig& c = small.config;
  const std::int64_t k = *c.rollout.group_size;
  c.rollout.images = std::min(c.rollout.images, ceil_divide(c.rollout.micro_batch, k) * k);
  // So few prompts that they are encoded ahead, and what is timed is an iteration.
  c.iterations = 2;
  c.rollout.prompt_draw = "epochs";
  small.prompts.resize(
      std::min(small.prompts.size(), static_cast<std::size_t>(2 * c.rollout.images / k)));
  c.learner.updates_per_epoch = 1;
  c.learner.inner_epochs = 1;
  c.learner.shards = 1;
  c.learner.timestep_fraction = 1;
  c.learner.step_weights.clear();
  c.learner.gradient_signal_every = 0;
  c.window.size.reset();
  c.evaluation.every = 0;
  try {
    c.sampler.steps = std::min<std::int64_t>(2, *c.sampler.steps);
    if (stochastic_steps(c, small.bundle) > 0) return small;
  } catch (const Error&) {
  }
  c.sampler.steps = plan.config.sampler.steps;  // a spacing that two steps do not have
  return small;
}

/// Bytes of the trajectories and images of an iteration.
double kept_bytes(const train::TrainConfig& c, const io::ModelBundle& bundle) {
  const io::LatentSpec& latent = bundle.latent;
  const io::ImageSpec& image = bundle.image;
  const auto steps = static_cast<double>(*c.sampler.steps);
  return 4.0 * static_cast<double>(c.rollout.images) *
         ((steps + 1) * static_cast<double>(latent.channels * latent.height * latent.width) +
          static_cast<double>(image.channels * image.height * image.width));
}

/// Bytes of the host that hold the run's texts, encoded before it starts.
double text_bytes(const train::TrainPlan& plan, const denoiser::Conditioner& conditioner) {
  const train::KnownPrompts known = train::known_prompts(plan, train::evaluation_splits(plan));
  return static_cast<double>(conditioner.bytes_ahead(known.prompts, known.guided));
}

}  // namespace

Json dry_run(const train::TrainPlan& plan) {
  const train::TrainConfig& c = plan.config;
  train::compute_as(c);
  const train::TrainPlan small = smallest(plan);
  train::Trainer trainer(small);
  trainer.iterate(0, [](double, const std::string&) {});  // first calls allocate and choose kernels
  const Json measured = trainer.iterate(1, [](double, const std::string&) {}).metrics;
  const double peak = static_cast<double>(tensor::peak_memory(trainer.model().denoiser->device()));

  const Work work = work_of(c, static_cast<std::int64_t>(stochastic_steps(c, plan.bundle)));
  const Work tried =
      work_of(small.config, static_cast<std::int64_t>(stochastic_steps(small.config, plan.bundle)));
  const auto scaled = [](const Json& seconds, std::int64_t all, std::int64_t part) {
    return seconds.get<double>() * static_cast<double>(all) / static_cast<double>(part);
  };
  const double judging =
      scaled(measured["time/reward_s"], c.rollout.images, small.config.rollout.images);
  const double sampling = scaled(measured["time/rollout_s"], work.forwards, tried.forwards);
  const double update = scaled(measured["time/update_s"], work.backwards, tried.backwards);
  const double reference =
      work.reference_forwards == 0
          ? 0
          : scaled(measured["time/reference_s"], work.reference_forwards, tried.reference_forwards);
  const double iteration = std::max(sampling, judging) + reference + update;
  std::int64_t parameters = 0;
  for (const auto& [name, parameter] : trainer.model().denoiser->parameters()) {
    parameters += parameter.numel();
  }
  const double kept = kept_bytes(c, plan.bundle);
  const double texts = text_bytes(plan, *trainer.model().conditioner);
  const bool on_host = trainer.model().denoiser->device().is_cpu();
  const double of_device = peak + kept - kept_bytes(small.config, plan.bundle);
  return {
      {"model", plan.bundle.name},
      {"algorithm", c.algorithm},
      {"device", trainer.model().denoiser->device().str()},
      {"precision", c.precision},
      {"threads", c.threads},
      {"prompts", plan.prompts.size()},
      {"parameters", {{"total", parameters}, {"trainable", trainer.optimizer().parameter_count()}}},
      {"iteration",
       {{"images", c.rollout.images},
        {"groups", c.rollout.images / *c.rollout.group_size},
        {"group_size", *c.rollout.group_size},
        {"steps", *c.sampler.steps},
        {"forwards", work.forwards},
        {"reference_forwards", work.reference_forwards},
        {"pairs", work.pairs},
        {"updates", work.updates},
        {"backwards", work.backwards}}},
      {"iterations", c.iterations},
      {"seconds",
       {{"sampling", sampling},
        {"judging", judging},
        {"reference", reference},
        {"update", update},
        {"iteration", iteration},
        {"run", iteration * static_cast<double>(c.iterations)}}},
      {"bytes",
       {{"micro_batch", peak},
        {"trajectories", kept},
        {"texts", texts},
        {"total", of_device + (on_host ? texts : 0)}}}};
}

}  // namespace loopline::experiment
