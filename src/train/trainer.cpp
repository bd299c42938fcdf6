#include "loopline/train/trainer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "due.h"
#include "iteration_log.h"
#include "loopline/core/clock.h"
#include "loopline/core/error.h"
#include "loopline/policy/advantage_sum.h"
#include "loopline/train/known_prompts.h"
#include "loopline/train/prompt_order.h"
#include "loopline/train/reference_distance.h"
#include "loopline/train/timestep_window.h"
#include "loopline/train/weights.h"

namespace loopline::train {
namespace {

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
          .seed = static_cast<std::uint64_t>(c.seed),
          .loss_spike = c.guard.loss_spike,
          .kl_weight = c.kl.loss,
          .step_weights = c.learner.step_weights};
}

std::string count_of(std::int64_t count, std::int64_t total, const char* what) {
  return std::to_string(count) + " of " + std::to_string(total) + " " + what;
}

/// Share of an iteration's time that sampling takes on a CPU, for the progress bar.
constexpr double kSamplingShare = 0.4;

tensor::NamedTensors choose_trainable(denoiser::Denoiser& denoiser, const TrainConfig& config) {
  tensor::NamedTensors trainable = denoiser::select_trainable(denoiser, config.trainable);
  if (config.learner.recompute) denoiser.set_recompute(true);
  if (config.frozen_precision != "fp32") {
    denoiser::store_frozen_as(denoiser, trainable,
                              config.frozen_precision == "bf16" ? at::kBFloat16 : at::kHalf);
  }
  return trainable;
}

std::vector<policy::AdvantageEstimator> make_estimators(const TrainConfig& config,
                                                        std::size_t rewards) {
  return std::vector<policy::AdvantageEstimator>(
      config.advantage.per_reward ? rewards : 1,
      policy::AdvantageEstimator(advantage_options(config), *config.rollout.group_size));
}

std::optional<denoiser::Reference> make_reference(denoiser::Denoiser& denoiser,
                                                  const tensor::NamedTensors& trainable,
                                                  const TrainConfig& config) {
  std::optional<denoiser::Reference> reference;
  const TrainConfig::Kl& kl = config.kl;
  if (kl.loss > 0 || kl.reward > 0 || *kl.images > 0) reference.emplace(denoiser, trainable);
  return reference;
}

std::optional<Ema> make_average(const tensor::NamedTensors& trainable, const TrainConfig& config) {
  std::optional<Ema> average;
  if (config.ema.decay) average.emplace(trainable, *config.ema.decay);
  return average;
}

/// What was not finite, or stood out, and so taught nothing.
void note_left_out(Iteration& result, const Rollout& rollout, const UpdateStatistics& update,
                   const TrainConfig& config) {
  if (rollout.verdict.non_finite > 0) {
    result.left_out.push_back(
        count_of(rollout.verdict.non_finite, config.rollout.images, "images, ") +
        rollout.verdict.first_non_finite);
  }
  if (update.non_finite > 0) {
    result.left_out.push_back(count_of(update.non_finite, update.updates,
                                       "updates, whose loss or gradient is not finite"));
    result.hopeless = update.non_finite == update.updates || config.guard.non_finite == "stop";
  }
  if (update.spikes > 0) {
    result.left_out.push_back(
        count_of(update.spikes, update.updates, "updates, whose loss stands out"));
  }
}

/// The sampler's path, when it can be trained on as the config says.
const diffusion::Transition& checked(const TrainConfig& config,
                                     const diffusion::Transition& sampler) {
  const std::vector<std::int64_t> stochastic = sampler.stochastic_steps();
  if (stochastic.empty()) {
    throw Error("sampler", "no step draws noise, so there is nothing to train",
                "use more steps, or last_step_noise: true");
  }
  const std::vector<double>& weights = config.learner.step_weights;
  if (!weights.empty() && weights.size() != stochastic.size()) {
    throw Error("config: learner.step_weights",
                "has " + std::to_string(weights.size()) + " weights, and the sampler " +
                    std::to_string(stochastic.size()) + " steps that draw noise");
  }
  window_steps(config.window, stochastic, 0);
  return sampler;
}

}  // namespace

Trainer::Trainer(const TrainPlan& plan, const tensor::NamedTensors& initial)
    : config_(plan.config),
      prompts_(plan.prompts),
      model_(load_network(plan, initial)),
      sampler_(model_.bundle.schedule, model_.bundle.prediction_type,
               transition_spec(config_, model_.bundle)),
      transition_(checked(config_, sampler_)),
      jury_(plan.reward, config_.judges, model_.denoiser->device()),
      splits_(evaluation_splits(plan)),
      trainable_(choose_trainable(*model_.denoiser, config_)),
      reference_(make_reference(*model_.denoiser, trainable_, config_)),
      ema_(make_average(trainable_, config_)),
      advantages_(make_estimators(config_, plan.reward.terms.size())),
      optimizer_(trainable_, adamw_options(config_)),
      learner_(*model_.denoiser, transition_, optimizer_, learner_options(config_),
               reference_ ? &*reference_ : nullptr, ema_ ? &*ema_ : nullptr) {
  if (config_.rollout.decode_batch) model_.decoder->set_batch(*config_.rollout.decode_batch);
  const KnownPrompts known = known_prompts(plan, splits_);
  model_.conditioner->encode_ahead(known.prompts, known.guided);
}

/// The window of an iteration, and the path that its rollout takes.
void Trainer::choose_steps(std::int64_t iteration) {
  steps_ = window_steps(config_.window, sampler_.stochastic_steps(), iteration);
  if (config_.window.outside == "deterministic") transition_ = sampler_.with_noise_in(steps_);
}

std::string Trainer::reference_cost() const {
  if (!reference_) return "";
  if (reference_->switches_adapters_off()) return "the network with its adapters off";
  return "a copy of the trained weights, " + std::to_string(reference_->copied_bytes() / 1024) +
         " KiB";
}

/// log p - log p_ref of the rollout's first images (all, when rewards depend on it).
at::Tensor Trainer::distance_to_reference(Rollout& rollout) {
  const std::int64_t images = config_.rollout.images, rows = config_.rollout.micro_batch;
  const std::int64_t measured =
      config_.kl.reward > 0 ? images
                            : std::min(images, (*config_.kl.images + rows - 1) / rows * rows);
  if (measured == 0) return {};
  const at::Tensor distance =
      reference_log_ratio(*model_.denoiser, *reference_, transition_, rollout.experience,
                          *config_.sampler.guidance, rows, measured);
  if (config_.kl.reward == 0) return distance;
  const at::Tensor finite = distance.isfinite().all(1);
  for (std::int64_t i = 0; i < images; ++i) {
    if (finite.const_data_ptr<bool>()[i]) continue;
    const auto sample = static_cast<std::size_t>(i);
    rollout.verdict.set_aside(sample, "the distance to the reference of an image of \"" +
                                          rollout.image_prompts[sample].text + "\" is not finite");
  }
  return distance;
}

std::vector<io::Prompt> Trainer::draw_prompts(std::int64_t iteration) const {
  const auto seed = static_cast<std::uint64_t>(config_.seed);
  const std::int64_t groups = config_.rollout.images / *config_.rollout.group_size;
  std::vector<std::int64_t> indices;
  if (config_.rollout.prompt_draw == "replacement") {
    std::vector<double> weights;
    for (const io::Prompt& prompt : prompts_) weights.push_back(prompt.weight);
    indices = drawn_prompts_of_iteration(seed, iteration, groups, weights);
  } else {
    indices =
        prompts_of_iteration(seed, iteration, groups, static_cast<std::int64_t>(prompts_.size()));
  }
  std::vector<io::Prompt> drawn;
  for (const std::int64_t index : indices) {
    drawn.push_back(prompts_[static_cast<std::size_t>(index)]);
  }
  return drawn;
}

policy::Advantages Trainer::estimate_advantages(const Rollout& rollout,
                                                const at::Tensor& distance) {
  const Verdict& verdict = rollout.verdict;
  const std::vector<io::Prompt>& image_prompts = rollout.image_prompts;
  const std::int64_t group_size = *config_.rollout.group_size;
  std::vector<double> reward = verdict.reward.total;
  if (config_.kl.reward > 0) {
    const at::Tensor penalty = config_.kl.reward * distance.sum(1);
    for (std::size_t i = 0; i < reward.size(); ++i) {
      if (verdict.reward.valid[i]) reward[i] -= penalty.const_data_ptr<double>()[i];
    }
  }
  policy::RewardBatch batch{reward, group_size, {}, verdict.reward.valid};
  for (std::size_t i = 0; i < image_prompts.size(); i += static_cast<std::size_t>(group_size)) {
    batch.group_prompt.push_back(image_prompts[i].id);
  }
  if (!config_.advantage.per_reward) return advantages_.front().estimate(batch);
  std::vector<policy::Advantages> parts;
  for (std::size_t term = 0; term < advantages_.size(); ++term) {
    batch.reward = verdict.reward.terms[term];
    parts.push_back(advantages_[term].estimate(batch));
  }
  return policy::weighted_sum(parts, jury_.reward().weights(), batch);
}

void Trainer::check_rollout(const Rollout& rollout) const {
  const std::int64_t bad = rollout.verdict.non_finite;
  const bool none_left = bad == config_.rollout.images;
  if (bad == 0 || (config_.guard.non_finite == "skip" && !none_left)) return;
  throw failure("iteration " + std::to_string(rollout.iteration + 1),
                rollout.verdict.first_non_finite + " (" +
                    count_of(bad, config_.rollout.images, "images") + ")",
                none_left ? "nothing is left to train on: look at the reward and at optimizer.lr"
                          : "mend the reward, or go on without such images: --set "
                            "guard.non_finite=skip");
}

std::vector<bool> Trainer::included(const Verdict& verdict,
                                    const policy::Advantages& advantages) const {
  std::vector<bool> included = verdict.reward.valid;
  if (config_.learner.skip_zero_variance) {
    for (std::size_t i = 0; i < included.size(); ++i) {
      included[i] = included[i] && advantages.informative[i];
    }
  }
  return included;
}

Iteration Trainer::iterate(std::int64_t iteration, const IterationProgress& on_progress) {
  Stopwatch watch;
  choose_steps(iteration);
  Rollout rollout =
      roll_out(model_, transition_, jury_, draw_prompts(iteration),
               {.seed = static_cast<std::uint64_t>(config_.seed),
                .iteration = iteration,
                .group_size = *config_.rollout.group_size,
                .micro_batch = config_.rollout.micro_batch,
                .guidance = *config_.sampler.guidance,
                .latents_on_host = config_.rollout.trajectories == "host"},
               [&](double fraction) { on_progress(kSamplingShare * fraction, kSampling); });
  rollout.experience.steps = steps_;
  const double rollout_s = watch.lap();
  const at::Tensor distance = distance_to_reference(rollout);
  const double reference_s = watch.lap();
  check_rollout(rollout);

  const policy::Advantages advantages = estimate_advantages(rollout, distance);
  rollout.experience.advantage = advantages.value;
  rollout.experience.included = included(rollout.verdict, advantages);
  const double lr =
      learning_rate(config_.optimizer.lr, config_.optimizer.schedule, iteration,
                    config_.optimizer.warmup_iterations, *config_.optimizer.decay_iterations);
  std::vector<StepSignal> signals;
  if (is_due(iteration, config_.learner.gradient_signal_every)) {  // the first one, too
    signals = learner_.gradient_signal(rollout.experience);
  }
  const double signal_s = watch.lap();
  const UpdateStatistics update =
      learner_.update(rollout.experience, iteration, lr, [&](double fraction) {
        on_progress(kSamplingShare + (1 - kSamplingShare) * fraction, kUpdating);
      });
  images_total_ += config_.rollout.images;

  Iteration result;
  result.metrics = {{"iteration", iteration + 1}, {"images/total", images_total_}};
  log_rewards(result.metrics, rollout.verdict);
  log_images(result.metrics, rollout.images, *config_.rollout.group_size);
  log_advantages(result.metrics, advantages);
  result.metrics["samples/non_finite"] = rollout.verdict.non_finite;
  log_update(result.metrics, update);
  log_distance(result.metrics, distance, rollout, config_.kl);
  if (config_.kl.loss > 0) result.metrics["kl/loss"] = config_.kl.loss * update.reference_kl;
  log_gradient_signal(result.metrics, signals);
  result.metrics["optim/lr"] = lr;
  result.metrics["optim/skipped_steps"] = optimizer_.skipped();
  if (learner_.guard()) result.metrics["optim/loss_spikes"] = learner_.guard()->rejected();
  result.metrics["time/rollout_s"] = rollout_s;
  result.metrics["time/reward_s"] = rollout.judging_seconds;
  if (reference_) result.metrics["time/reference_s"] = reference_s;
  if (!signals.empty()) result.metrics["time/gradient_signal_s"] = signal_s;
  result.metrics["time/update_s"] = watch.lap();
  result.samples = sample_lines(rollout, iteration + 1);
  result.images = std::move(rollout.images);
  note_left_out(result, rollout, update, config_);
  return result;
}

nlohmann::json Trainer::state() const {
  nlohmann::json state{{"bundle_hash", model_.bundle.hash}, {"images_total", images_total_}};
  if (!config_.advantage.per_reward) {
    state["advantage"] = advantages_.front().state();
  } else {
    state["advantage"] = nlohmann::json::array();
    for (const auto& estimator : advantages_) state["advantage"].push_back(estimator.state());
  }
  if (learner_.guard()) state["loss_guard"] = learner_.guard()->state();
  if (ema_) state["ema_updates"] = ema_->updates();
  return state;
}

void Trainer::save(const std::filesystem::path& directory) const {
  for (const auto& [name, tensor] : trainable_) {
    if (tensor.isfinite().all().item<bool>()) continue;
    throw failure("parameter \"" + name + "\"", "is not finite, so no checkpoint is written",
                  "go on from an earlier one");
  }
  tensor::save_tensors(directory / "trainable.safetensors", trainable_, {{"format", "pt"}});
  tensor::save_tensors(directory / "optimizer.safetensors", optimizer_.state());
  if (ema_) {
    tensor::save_tensors(directory / "ema.safetensors", ema_->weights(), {{"format", "pt"}});
  }
}

void Trainer::restore(const nlohmann::json& state, const std::filesystem::path& directory) {
  if (state.at("bundle_hash") != model_.bundle.hash) {
    throw Error(directory.string(), "was made from another version of " + config_.model,
                "restore that model bundle");
  }
  images_total_ = state.at("images_total").get<std::int64_t>();
  const nlohmann::json& advantage = state.at("advantage");
  for (std::size_t i = 0; i < advantages_.size(); ++i) {
    advantages_[i].load_state(config_.advantage.per_reward ? advantage.at(i) : advantage);
  }
  if (learner_.guard()) learner_.guard()->load_state(state.at("loss_guard"));
  const auto trainable = directory / "trainable.safetensors";
  const auto optimizer = directory / "optimizer.safetensors";
  tensor::copy_tensors(tensor::load_tensors(trainable), trainable_, trainable.string());
  tensor::copy_tensors(tensor::load_tensors(optimizer), optimizer_.state(), optimizer.string());
  if (ema_) {
    const auto average = directory / "ema.safetensors";
    ema_->restore(tensor::load_tensors(average), state.at("ema_updates").get<std::int64_t>(),
                  average.string());
  }
}

}  // namespace loopline::train
