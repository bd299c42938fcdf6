#include "loopline/train/plan.h"

#include <algorithm>
#include <thread>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/text.h"
#include "loopline/policy/preset.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/precision.h"

namespace loopline::train {
namespace {

constexpr double kDefaultClip = 1e-4;  // DDPO's

std::string where(const char* path) { return std::string("config: ") + path; }

/// Blanks that the algorithm's row in the preset table fills.
void fill_from_preset(TrainConfig& c) {
  const policy::Preset& preset = policy::find_preset(c.algorithm);
  if (!c.rollout.group_size) c.rollout.group_size = preset.group_size;
  if (!c.advantage.baseline) c.advantage.baseline = policy::to_string(preset.baseline);
  if (!c.advantage.scale) c.advantage.scale = policy::to_string(preset.scale);
  if (!c.surrogate.kind) c.surrogate.kind = policy::to_string(preset.surrogate);
  if (!c.learner.updates_per_epoch) c.learner.updates_per_epoch = preset.updates;
  if (!c.optimizer.decay_iterations) c.optimizer.decay_iterations = c.iterations;
}

void fill_from_bundle(TrainConfig& c, const io::ModelBundle& bundle) {
  const io::TransitionSpec spec = transition_spec(c, bundle);
  c.sampler = {
      spec.steps,      spec.eta,       spacing_names()[static_cast<std::size_t>(spec.spacing)],
      spec.guidance,   spec.min_sigma, spec.last_step_noise,
      spec.clip_sample};
}

/// Both sides of the clip, from whichever way it was given.
void fill_clip(TrainConfig::Surrogate& c, const io::LatentSpec& latent) {
  if (c.clip && c.clip_nats) {
    throw Error(where("surrogate.clip_nats"), "stands beside surrogate.clip, another way to say it",
                "keep one");
  }
  const double elements = static_cast<double>(latent.channels * latent.height * latent.width);
  const double both = c.clip_nats ? *c.clip_nats / elements : c.clip.value_or(kDefaultClip);
  if (!c.clip_low) c.clip_low = both;
  if (!c.clip_high) c.clip_high = both;
}

void check_groups(const TrainConfig& c) {
  const std::int64_t k = *c.rollout.group_size;
  if (c.rollout.images % k != 0) {
    throw Error(where("rollout.images"), std::to_string(c.rollout.images) +
                                             " is no multiple of group_size " + std::to_string(k));
  }
  const std::int64_t groups = c.rollout.images / k;
  if (groups % c.learner.shards != 0) {
    throw Error(where("learner.shards"), std::to_string(groups) + " groups cannot be split into " +
                                             std::to_string(c.learner.shards) + " equal shards");
  }
  // Refuses baselines that the group size cannot carry, each with its reason.
  policy::AdvantageEstimator(advantage_options(c), k);
}

void check_learning(const TrainConfig& c) {
  if (*c.sampler.eta == 0) {
    throw Error(where("sampler.eta"),
                "eta 0 makes sampling deterministic: there is no density and no policy gradient",
                "train with eta > 0 (1 is usual); eta 0 is for sampling");
  }
  if (c.learner.timestep_fraction == 0)
    throw Error(where("learner.timestep_fraction"), "must be greater than 0");
  const bool on_policy =
      policy::parse_surrogate(*c.surrogate.kind) == policy::SurrogateKind::kLogProb;
  if (on_policy && *c.learner.updates_per_epoch * c.learner.inner_epochs != 1) {
    throw Error(where("learner.updates_per_epoch"),
                "the log_prob surrogate is on-policy: its gradient is right for one update an "
                "iteration only",
                "use one update and one inner epoch, or surrogate.kind: clipped");
  }
  if (c.kl.reward > 0 && c.advantage.per_reward) {
    throw Error(where("kl.reward"),
                "cannot be part of rewards that have an advantage each (advantage.per_reward)",
                "use kl.loss, or one advantage for the sum");
  }
  if (c.ema.evaluate && !c.ema.decay) {
    throw Error(where("ema.evaluate"), "there is no average to evaluate",
                "set ema.decay, for example 0.99");
  }
  const std::vector<double>& weights = c.learner.step_weights;
  if (!weights.empty() && *std::max_element(weights.begin(), weights.end()) == 0) {
    throw Error(where("learner.step_weights"), "are all 0: nothing would be trained");
  }
  if (c.optimizer.beta1 >= 1 || c.optimizer.beta2 >= 1)
    throw Error(where("optimizer"), "betas must be below 1");
  if (c.stop.at_least && c.stop.at_most) {
    throw Error(where("stop"), "at_least and at_most cannot both be the target", "keep one");
  }
}

/// Precision names become what this machine does, once, when the run starts.
void settle_precision(TrainConfig& c) {
  c.precision =
      tensor::to_string(tensor::parse_precision(c.precision, tensor::parse_device(c.device)));
  if (c.frozen_precision != "fp32" && c.precision == "fp32") {
    throw Error(where("frozen_precision"),
                c.frozen_precision + " weights cannot be multiplied with float32 activations",
                "set precision: bf16 as well, or leave the frozen weights in fp32");
  }
}

std::vector<io::Prompt> load_prompts(const TrainConfig& c, const io::ModelBundle& bundle) {
  if (!c.prompts) {
    if (io::needs_prompts(bundle)) {
      throw Error(where("prompts"), "is missing, and the model draws what prompts say",
                  "name a .txt, .jsonl or .yaml file (docs/getting_started.md)");
    }
    return {io::make_prompt("")};
  }
  std::vector<io::Prompt> prompts = io::read_prompts(*c.prompts);
  const auto limit = static_cast<std::size_t>(
      c.rollout.prompt_limit.value_or(static_cast<std::int64_t>(prompts.size())));
  if (limit < prompts.size()) prompts.resize(limit);
  return prompts;
}

/// Weights mean something only when prompts are drawn with replacement.
void fill_prompt_draw(TrainConfig& c, const std::vector<io::Prompt>& prompts) {
  if (c.rollout.prompt_draw) return;
  const bool weighted = std::any_of(prompts.begin(), prompts.end(), [&](const io::Prompt& prompt) {
    return prompt.weight != prompts.front().weight;
  });
  c.rollout.prompt_draw = weighted ? "replacement" : "epochs";
}

void verify_hash(std::string& stated, const std::string& found, const std::string& path) {
  if (!stated.empty() && stated != found) {
    throw Error(path, "has changed since the run started", "restore the file, or start a new run");
  }
  stated = found;
}

}  // namespace

void fill_blanks(TrainConfig& c, const io::ModelBundle& bundle,
                 const std::vector<io::Prompt>& prompts) {
  fill_from_preset(c);
  fill_from_bundle(c, bundle);
  fill_clip(c.surrogate, bundle.latent);
  fill_prompt_draw(c, prompts);
  if (!c.kl.images) c.kl.images = c.rollout.micro_batch;
  if (c.threads == 0) c.threads = std::max(1U, std::thread::hardware_concurrency());
}

void compute_as(const TrainConfig& config) {
  tensor::set_threads(static_cast<int>(config.threads));
  tensor::set_cuda_options(config.cuda);
}

TrainPlan load_train_plan(const std::filesystem::path& file,
                          const std::vector<std::string>& assignments) {
  TrainPlan plan;
  TrainConfig& c = plan.config = read_train_config(file, assignments);
  plan.bundle = io::load_model_bundle(c.model);
  plan.prompts = load_prompts(c, plan.bundle);
  fill_blanks(c, plan.bundle, plan.prompts);
  check_groups(c);
  check_learning(c);
  settle_precision(c);
  plan.reward = reward::plan_reward(c.reward);
  verify_hash(c.hashes.model, plan.bundle.hash, c.model);
  if (c.prompts) verify_hash(c.hashes.prompts, sha256_file(*c.prompts), *c.prompts);
  verify_hash(c.hashes.reward, plan.reward.hash, join(c.reward));
  return plan;
}

}  // namespace loopline::train
