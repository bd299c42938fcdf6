#include "loopline/train/trainer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "loopline/core/clock.h"
#include "loopline/core/error.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/stats/moments.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/pictures.h"
#include "loopline/train/prompt_order.h"

namespace loopline::train {
namespace {

stats::Moments moments(const std::vector<double>& values) {
  stats::Moments result;
  for (const double value : values) result.add(value);
  return result;
}

AdamWOptions adamw_options(const TrainConfig& c) {
  return {c.optimizer.beta1, c.optimizer.beta2, c.optimizer.eps, c.optimizer.weight_decay,
          c.optimizer.max_grad_norm};
}

LearnerOptions learner_options(const TrainConfig& c) {
  return {.surrogate = surrogate_options(c),
          .guidance = *c.sampler.guidance,
          .updates_per_epoch = *c.learner.updates_per_epoch,
          .inner_epochs = c.learner.inner_epochs,
          .whole_samples = c.learner.minibatch_unit == "sample",
          .timestep_fraction = c.learner.timestep_fraction,
          .shards = c.learner.shards,
          .micro_batch = c.rollout.micro_batch,
          .seed = static_cast<std::uint64_t>(c.seed)};
}

/// Share of an iteration's time that sampling takes on a CPU, for the progress bar.
constexpr double kSamplingShare = 0.4;

/// The draws of `groups` groups of `group_size` samples: slot and k fill in `place`.
std::vector<Draw> group_draws(Draw place, std::size_t groups, std::int64_t group_size) {
  std::vector<Draw> draws;
  for (std::size_t slot = 0; slot < groups; ++slot) {
    for (std::int64_t k = 0; k < group_size; ++k) {
      place.slot = static_cast<std::uint32_t>(slot);
      place.k = static_cast<std::uint32_t>(k);
      draws.push_back(place);
    }
  }
  return draws;
}

/// Every prompt `count` times in a row: one an image.
std::vector<io::Prompt> repeat(const std::vector<io::Prompt>& prompts, std::int64_t count) {
  std::vector<io::Prompt> repeated;
  for (const io::Prompt& prompt : prompts) {
    repeated.insert(repeated.end(), static_cast<std::size_t>(count), prompt);
  }
  return repeated;
}

}  // namespace

std::vector<std::int64_t> spread(std::int64_t count, std::int64_t wanted) {
  std::vector<std::int64_t> indices;
  const std::int64_t kept = std::min(count, wanted);
  for (std::int64_t i = 0; i < kept; ++i) indices.push_back(i * count / kept);
  return indices;
}

std::vector<std::unique_ptr<reward::Reward>> load_judges(const std::vector<std::string>& judges,
                                                         at::Device device) {
  std::vector<std::unique_ptr<reward::Reward>> loaded;
  std::set<std::string> names;
  for (const std::string& judge : judges) {
    loaded.push_back(reward::make_reward(judge, device));
    for (const std::string& name : loaded.back()->component_names()) {
      if (!names.insert(name).second) {
        throw Error("judges", "two judges report a component \"" + name + "\"",
                    "rename it in one of the reward.json files");
      }
    }
  }
  return loaded;
}

Trainer::Trainer(const TrainConfig& config)
    : config_(config),
      model_(denoiser::load_model(config.model, tensor::parse_device(config.device))),
      transition_(model_.bundle.schedule, model_.bundle.prediction_type,
                  transition_spec(config, model_.bundle)),
      guidance_(*config.sampler.guidance),
      prompts_(io::read_prompts(config.prompts)),
      reward_(reward::make_reward(config.reward, model_.denoiser->device())),
      judges_(load_judges(config.judges, model_.denoiser->device())),
      trainable_(denoiser::select_trainable(*model_.denoiser, config.trainable)),
      advantage_(advantage_options(config), *config.rollout.group_size),
      optimizer_(trainable_, adamw_options(config)),
      learner_(*model_.denoiser, transition_, optimizer_, learner_options(config)) {
  if (transition_.stochastic_steps().empty()) {
    throw Error("sampler", "no step draws noise, so there is nothing to train",
                "use more steps, or last_step_noise: true");
  }
}

std::vector<io::Prompt> Trainer::draw_prompts(std::int64_t iteration) const {
  std::vector<io::Prompt> drawn;
  for (const std::int64_t index :
       prompts_of_iteration(static_cast<std::uint64_t>(config_.seed), iteration,
                            config_.rollout.images / *config_.rollout.group_size,
                            static_cast<std::int64_t>(prompts_.size()))) {
    drawn.push_back(prompts_[static_cast<std::size_t>(index)]);
  }
  return drawn;
}

Experience Trainer::condition(const std::vector<io::Prompt>& prompts, std::int64_t copies) {
  Experience experience;
  experience.group_size = copies;
  experience.conditional = model_.conditioner->encode(prompts).repeat_interleave(copies);
  if (guidance_ != 1) {
    experience.unconditional =
        model_.conditioner->encode_unconditional(prompts).repeat_interleave(copies);
  }
  return experience;
}

at::Tensor Trainer::decode(const at::Tensor& latents) const {
  std::vector<at::Tensor> images;
  for (const at::Tensor& slice : latents.split(config_.rollout.micro_batch)) {
    images.push_back(model_.decoder->decode(slice));
  }
  return at::cat(images);
}

Trainer::Rollout Trainer::roll_out(std::int64_t iteration,
                                   const std::function<void(double)>& on_progress) {
  const std::int64_t group_size = *config_.rollout.group_size;
  Rollout rollout;
  rollout.group_prompts = draw_prompts(iteration);
  rollout.image_prompts = repeat(rollout.group_prompts, group_size);
  rollout.experience = condition(rollout.group_prompts, group_size);
  const Draw place{.seed = static_cast<std::uint64_t>(config_.seed),
                   .stream = Stream::kRollout,
                   .iteration = static_cast<std::uint32_t>(iteration)};
  rollout.experience.trajectory = denoiser::sample_trajectories(
      *model_.denoiser, transition_,
      {.conditional = rollout.experience.conditional,
       .unconditional = rollout.experience.unconditional,
       .guidance = guidance_,
       .draws = group_draws(place, rollout.group_prompts.size(), group_size),
       .micro_batch = config_.rollout.micro_batch,
       .on_progress = on_progress});
  rollout.images = decode(rollout.experience.trajectory.latents.select(1, transition_.num_steps()));
  return rollout;
}

reward::Scores Trainer::score(const Rollout& rollout) {
  reward::Scores scores = reward_->score(rollout.images, rollout.image_prompts);
  const auto bad = std::find(scores.valid.begin(), scores.valid.end(), false);
  if (bad != scores.valid.end()) {
    const auto sample = static_cast<std::size_t>(bad - scores.valid.begin());
    throw failure("reward \"" + reward_->name() + "\"",
                  "marked sample " + std::to_string(sample) + " as invalid, prompt \"" +
                      rollout.image_prompts[sample].text + "\"",
                  "every training sample needs a reward");
  }
  return scores;
}

nlohmann::ordered_json Trainer::reward_metrics(const Rollout& rollout,
                                               const reward::Scores& scores) {
  const stats::Moments rewards = moments(scores.total);
  nlohmann::ordered_json metrics{{"reward/mean", rewards.mean()},
                                 {"reward/std", std::sqrt(rewards.population_variance())}};
  if (scores.components.size() > 1) {
    for (const auto& [name, values] : scores.components) {
      metrics["reward/" + name] = moments(values).mean();
    }
  }
  for (const auto& judge : judges_) {
    for (const auto& [name, values] :
         judge->score(rollout.images, rollout.image_prompts).components) {
      metrics["judge/" + name] = moments(values).mean();
    }
  }
  return metrics;
}

nlohmann::ordered_json Trainer::iterate(std::int64_t iteration,
                                        const IterationProgress& on_progress) {
  Stopwatch watch;
  Rollout rollout = roll_out(
      iteration, [&](double fraction) { on_progress(kSamplingShare * fraction, kSampling); });
  const double rollout_s = watch.lap();

  const reward::Scores scores = score(rollout);
  nlohmann::ordered_json metrics{{"iteration", iteration + 1},
                                 {"images/total", images_total_ + config_.rollout.images}};
  metrics.update(reward_metrics(rollout, scores));
  const double reward_s = watch.lap();

  policy::RewardBatch batch{scores.total, rollout.experience.group_size, {}};
  for (const io::Prompt& prompt : rollout.group_prompts) batch.group_prompt.push_back(prompt.id);
  const policy::Advantages advantages = advantage_.estimate(batch);
  rollout.experience.advantage = advantages.value;

  const double lr =
      learning_rate(config_.optimizer.lr, config_.optimizer.schedule, iteration,
                    config_.optimizer.warmup_iterations, *config_.optimizer.decay_iterations);
  const UpdateStatistics update =
      learner_.update(rollout.experience, iteration, lr, [&](double fraction) {
        on_progress(kSamplingShare + (1 - kSamplingShare) * fraction, kUpdating);
      });
  images_total_ += config_.rollout.images;

  metrics["groups/zero_variance"] = advantages.zero_variance_groups;
  metrics["groups/buffered"] = advantages.buffered_groups;
  metrics["policy/loss"] = update.loss;
  metrics["policy/clip_fraction_high"] = update.clip_fraction_high;
  metrics["policy/clip_fraction_low"] = update.clip_fraction_low;
  metrics["policy/approx_kl"] = update.approx_kl;
  metrics["policy/ratio_deviation"] = update.ratio_deviation;
  metrics["optim/lr"] = lr;
  metrics["optim/grad_norm"] = update.grad_norm;
  metrics["optim/grad_rms_over_eps"] = update.grad_rms_over_eps;
  metrics["optim/skipped_steps"] = optimizer_.skipped();
  metrics["time/rollout_s"] = rollout_s;
  metrics["time/reward_s"] = reward_s;
  metrics["time/update_s"] = watch.lap();
  return metrics;
}

io::Image Trainer::sample_grid() {
  std::vector<io::Prompt> prompts;
  for (const std::int64_t index :
       spread(static_cast<std::int64_t>(prompts_.size()), config_.samples.prompts)) {
    prompts.push_back(prompts_[static_cast<std::size_t>(index)]);
  }
  const Experience conditions = condition(prompts, config_.samples.per_prompt);
  const Draw place{.seed = static_cast<std::uint64_t>(config_.seed), .stream = Stream::kSample};
  const at::Tensor images = decode(denoiser::sample_latents(
      *model_.denoiser, transition_,
      {.conditional = conditions.conditional,
       .unconditional = conditions.unconditional,
       .guidance = guidance_,
       .draws = group_draws(place, prompts.size(), config_.samples.per_prompt),
       .micro_batch = config_.rollout.micro_batch}));
  return tensor::image_grid(images, config_.samples.per_prompt, config_.samples.zoom);
}

nlohmann::json Trainer::state() const {
  return {{"bundle_hash", model_.bundle.hash},
          {"images_total", images_total_},
          {"advantage", advantage_.state()}};
}

void Trainer::save(const std::filesystem::path& directory) const {
  tensor::save_tensors(directory / "trainable.safetensors", trainable_, {{"format", "pt"}});
  tensor::save_tensors(directory / "optimizer.safetensors", optimizer_.state());
}

void Trainer::restore(const nlohmann::json& state, const std::filesystem::path& directory) {
  if (state.at("bundle_hash") != model_.bundle.hash) {
    throw Error(directory.string(), "was made from another version of " + config_.model,
                "restore that model bundle");
  }
  images_total_ = state.at("images_total").get<std::int64_t>();
  advantage_.load_state(state.at("advantage"));
  const auto trainable = directory / "trainable.safetensors";
  const auto optimizer = directory / "optimizer.safetensors";
  tensor::copy_tensors(tensor::load_tensors(trainable), trainable_, trainable.string());
  tensor::copy_tensors(tensor::load_tensors(optimizer), optimizer_.state(), optimizer.string());
}

}  // namespace loopline::train
