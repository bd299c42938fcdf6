#include "loopline/train/config.h"

#include <algorithm>
#include <thread>

#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/prompt.h"
#include "loopline/io/reward_bundle.h"
#include "loopline/policy/preset.h"

namespace loopline::train {
namespace {

using config::option;

/// In the order of io::TimestepSpacing.
const std::vector<std::string> kSpacings{"leading", "trailing", "linspace"};

io::TimestepSpacing parse_spacing(const std::string& name) {
  return static_cast<io::TimestepSpacing>(std::find(kSpacings.begin(), kSpacings.end(), name) -
                                          kSpacings.begin());
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const policy::Preset& preset : policy::presets()) names.push_back(preset.name);
  return names;
}

void describe_sampler(config::OptionVisitor& v, TrainConfig::Sampler& c) {
  v.field(option("steps", "Denoising steps. Blank: the bundle's.").range(1, 1000), c.steps);
  v.field(option("eta",
                 "DDIM's eta: 1 is the DDPM posterior. Training needs eta > 0, since eta 0 has "
                 "no density. Blank: the bundle's.")
              .range(0, 1),
          c.eta);
  v.field(option("spacing",
                 "How the steps are spread over the training timesteps. Blank: the bundle's.")
              .one_of(kSpacings),
          c.spacing);
  v.field(option("guidance",
                 "Classifier-free guidance weight, the same in sampling and training; 1 "
                 "runs the conditional branch alone. Blank: the bundle's.")
              .at_least(0),
          c.guidance);
  v.field(option("min_sigma",
                 "Lower bound of the noise of a step, in sampling and in the density. "
                 "Blank: the bundle's.")
              .at_least(0),
          c.min_sigma);
  v.field(option("last_step_noise",
                 "Whether the last step draws noise; without, it leaves the loss. "
                 "Blank: the bundle's."),
          c.last_step_noise);
  v.field(option("clip_sample", "Clamp the predicted clean latents. Blank: the bundle's."),
          c.clip_sample);
}

void describe_advantage(config::OptionVisitor& v, TrainConfig::Advantage& c) {
  v.field(option("baseline", "What is subtracted from a reward. Blank: the algorithm's.")
              .one_of(policy::baseline_names()),
          c.baseline);
  v.field(option("scale",
                 "What the difference is divided by. With `none` advantages carry the "
                 "reward's unit, so the learning rate does not transfer between rewards. "
                 "Blank: the algorithm's.")
              .one_of(policy::scale_names()),
          c.scale);
  v.field(option("clamp", "Largest absolute advantage, after scaling. Blank: no limit.").above(0),
          c.clamp);
  v.field(option("running_mean_decay", "running_mean: weight of the past at each iteration.")
              .range(0, 1),
          c.running_mean_decay);
  v.field(option("buffer_size", "prompt_buffer, buffer_std: rewards remembered for each prompt.")
              .at_least(1),
          c.buffer_size);
  v.field(option("buffer_min_count",
                 "prompt_buffer, buffer_std: with fewer remembered rewards a "
                 "prompt uses the statistics of the batch.")
              .at_least(1),
          c.buffer_min_count);
}

void describe_learner(config::OptionVisitor& v, TrainConfig::Learner& c) {
  v.field(option("updates_per_epoch",
                 "Optimiser steps in one pass over the (sample, step) pairs of "
                 "an iteration. Blank: the algorithm's.")
              .at_least(1),
          c.updates_per_epoch);
  v.field(option("inner_epochs", "Passes over the pairs of an iteration.").at_least(1),
          c.inner_epochs);
  v.field(option("minibatch_unit",
                 "What is shuffled into minibatches: single (sample, step) pairs, or "
                 "samples with all their steps.")
              .one_of({"pair", "sample"}),
          c.minibatch_unit);
  v.field(option("timestep_fraction",
                 "Share of each sample's steps that is trained on, drawn anew for "
                 "every sample.")
              .range(0, 1),
          c.timestep_fraction);
  v.field(option("shards",
                 "Pairs are shuffled inside this many equal parts of the groups and each "
                 "minibatch takes an equal share of each, so that a run spread over any "
                 "divisor of it sees the same minibatches.")
              .range(1, 4095),
          c.shards);
}

void describe_optimizer(config::OptionVisitor& v, TrainConfig::Optimizer& c) {
  v.field(option("lr", "AdamW's learning rate.").above(0), c.lr);
  v.field(option("beta1", "Decay of the first moment.").range(0, 1), c.beta1);
  v.field(option("beta2", "Decay of the second moment.").range(0, 1), c.beta2);
  v.field(option("eps",
                 "Added to the root of the second moment. Mean log-probabilities of large "
                 "latents have small gradients: watch optim/grad_rms_over_eps.")
              .above(0),
          c.eps);
  v.field(option("weight_decay", "Decoupled weight decay.").at_least(0), c.weight_decay);
  v.field(option("max_grad_norm", "Gradients are scaled down to this global norm.").above(0),
          c.max_grad_norm);
  v.field(option("schedule", "Learning rate over iterations, after the warm-up.")
              .one_of({"constant", "cosine"}),
          c.schedule);
  v.field(option("warmup_iterations", "Iterations over which the rate grows linearly.").at_least(0),
          c.warmup_iterations);
  v.field(option("decay_iterations",
                 "cosine: the iteration at which the rate reaches 0. Fixed when the "
                 "run starts, so that a longer run repeats the shorter one. "
                 "Blank: `iterations`.")
              .at_least(1),
          c.decay_iterations);
}

void describe_outputs(config::OptionVisitor& v, TrainConfig& c) {
  v.section("samples", "Picture grids of fixed prompts with fixed noise, samples/*.png.", [&] {
    v.field(
        option("every", "Iterations between grids; 0 draws none.").at_least(0).changes_on_resume(),
        c.samples.every);
    v.field(option("prompts", "Prompts in the grid, spread over the prompt file: one a row.")
                .range(1, 64)
                .changes_on_resume(),
            c.samples.prompts);
    v.field(
        option("per_prompt", "Images of each prompt: columns.").range(1, 64).changes_on_resume(),
        c.samples.per_prompt);
    v.field(option("zoom", "Each pixel is drawn this many times wider and higher.")
                .range(1, 32)
                .changes_on_resume(),
            c.samples.zoom);
  });
  v.section("checkpoint", "What resume starts from, checkpoints/.", [&] {
    v.field(option("every", "Iterations between checkpoints; the last iteration has one always.")
                .at_least(1)
                .changes_on_resume(),
            c.checkpoint.every);
    v.field(option("keep", "Newest checkpoints kept.").at_least(1).changes_on_resume(),
            c.checkpoint.keep);
  });
  v.section("evaluation", "What `loopline evaluate RUN` draws.", [&] {
    v.field(option("prompts",
                   "Prompt files, one a split; the split is named after the file. Empty: the "
                   "training prompts.")
                .path()
                .changes_on_resume(),
            c.evaluation.prompts);
    v.field(option("images_per_prompt", "Images of each prompt (two or more give a diversity).")
                .range(1, 4095)
                .changes_on_resume(),
            c.evaluation.images_per_prompt);
    v.field(option("max_prompts", "At most this many prompts of each split, spread over the file.")
                .at_least(1)
                .changes_on_resume(),
            c.evaluation.max_prompts);
    v.field(option("seed", "Seed of the evaluation's noise and intervals.")
                .at_least(0)
                .changes_on_resume(),
            c.evaluation.seed);
  });
  v.section(
      "hashes",
      "Content hashes of the inputs: written when a run starts, verified when it goes on. Leave "
      "them out of your own files.",
      [&] {
        v.field(option("model", "The model bundle."), c.hashes.model);
        v.field(option("prompts", "The prompt file."), c.hashes.prompts);
        v.field(option("reward", "The reward bundle."), c.hashes.reward);
      });
}

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
  c.sampler = {spec.steps,      spec.eta,       kSpacings[static_cast<std::size_t>(spec.spacing)],
               spec.guidance,   spec.min_sigma, spec.last_step_noise,
               spec.clip_sample};
}

void check_consistency(const TrainConfig& c) {
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
  if (c.optimizer.beta1 >= 1 || c.optimizer.beta2 >= 1)
    throw Error(where("optimizer"), "betas must be below 1");
  // Refuses baselines that the group size cannot carry, each with its reason.
  policy::AdvantageEstimator(advantage_options(c), k);
}

void verify_hash(std::string& stated, const std::string& found, const std::string& path) {
  if (!stated.empty() && stated != found) {
    throw Error(path, "has changed since the run started", "restore the file, or start a new run");
  }
  stated = found;
}

}  // namespace

void TrainConfig::describe(config::OptionVisitor& v) {
  v.field(option("model", "Model bundle: a directory with bundle.json (docs/bundles.md).")
              .path()
              .must_be_given(),
          model);
  v.field(
      option("prompts", "What to draw while training: a .txt file, one prompt a line, or .jsonl.")
          .path()
          .must_be_given(),
      prompts);
  v.field(option("reward", "What is maximised: a reward bundle, a directory with reward.json.")
              .path()
              .must_be_given(),
          reward);
  v.field(option("judges",
                 "Reward bundles that are logged at every iteration and never trained on: "
                 "an independent judge shows reward hacking.")
              .path(),
          judges);
  v.field(option("algorithm",
                 "A row of the preset table (docs/algorithms.md); it fills the blanks below.")
              .one_of(preset_names()),
          algorithm);
  v.field(option("seed", "Of everything that is drawn.").at_least(0), seed);
  v.field(option("iterations", "One iteration is a rollout and its updates.")
              .at_least(1)
              .changes_on_resume(),
          iterations);
  v.field(
      option("device", "auto (CUDA when there is one), cpu, cuda or cuda:N.").changes_on_resume(),
      device);
  v.field(
      option(
          "threads",
          "Compute threads; 0 is one a core. Results repeat bit for bit for the same number only.")
          .range(0, 1024)
          .changes_on_resume(),
      threads);
  v.field(option("precision",
                 "Precision of the network's forward and backward. Latents, "
                 "log-probabilities and weights are float32 always.")
              .one_of({"fp32"}),
          precision);
  v.field(
      option(
          "trainable",
          "Parameters to train: shell patterns over their names (`loopline inspect` lists them). "
          "The first thing to choose. Empty: the bundle's own."),
      trainable);
  v.section("rollout", "What is sampled in one iteration.", [&] {
    v.field(option("images", "Images an iteration, all groups together.").range(1, 1 << 20),
            rollout.images);
    v.field(option("group_size", "Trajectories of each prompt (K). Blank: the algorithm's.")
                .range(1, 4095),
            rollout.group_size);
    v.field(option("micro_batch",
                   "Rows of every forward, in sampling and in training. Changes memory and speed, "
                   "and the last bits of results.")
                .range(1, 65536),
            rollout.micro_batch);
  });
  v.section("sampler", "The denoising policy.", [&] { describe_sampler(v, sampler); });
  v.section("advantage", "(reward - baseline) / scale.", [&] { describe_advantage(v, advantage); });
  v.section("surrogate", "The objective of one (sample, step) pair.", [&] {
    v.field(option("kind", "log_prob (REINFORCE) or clipped (PPO). Blank: the algorithm's.")
                .one_of(policy::surrogate_names()),
            surrogate.kind);
    v.field(option("clip",
                   "clipped: the ratio's gradient vanishes outside 1 +- clip. Log-probabilities "
                   "are means over the latent's elements, so the same clip is another trust "
                   "region at another latent size.")
                .above(0),
            surrogate.clip);
  });
  v.section("learner", "How an iteration's pairs become updates.",
            [&] { describe_learner(v, learner); });
  v.section("optimizer", "AdamW.", [&] { describe_optimizer(v, optimizer); });
  describe_outputs(v, *this);
}

TrainConfig load_train_config(const std::filesystem::path& file,
                              const std::vector<std::string>& assignments,
                              io::ModelBundle* bundle) {
  config::ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  TrainConfig c;
  config::read_options(tree, [&](config::OptionVisitor& v) { c.describe(v); });
  fill_from_preset(c);
  *bundle = io::load_model_bundle(c.model);
  fill_from_bundle(c, *bundle);
  if (c.threads == 0) c.threads = std::max(1U, std::thread::hardware_concurrency());
  check_consistency(c);
  verify_hash(c.hashes.model, bundle->hash, c.model);
  io::read_prompts(c.prompts);  // a bad file is wrong use, and is named with its line
  verify_hash(c.hashes.prompts, sha256_file(c.prompts), c.prompts);
  verify_hash(c.hashes.reward, io::load_reward_bundle(c.reward).hash, c.reward);
  return c;
}

std::string write_train_config(TrainConfig c) {
  return config::write_options([&](config::OptionVisitor& v) { c.describe(v); });
}

policy::AdvantageOptions advantage_options(const TrainConfig& c) {
  return {policy::parse_baseline(*c.advantage.baseline),
          policy::parse_scale(*c.advantage.scale),
          c.advantage.clamp,
          c.advantage.running_mean_decay,
          c.advantage.buffer_size,
          c.advantage.buffer_min_count};
}

policy::SurrogateOptions surrogate_options(const TrainConfig& c) {
  return {policy::parse_surrogate(*c.surrogate.kind), c.surrogate.clip, c.surrogate.clip};
}

io::TransitionSpec transition_spec(const TrainConfig& c, const io::ModelBundle& bundle) {
  io::TransitionSpec spec = bundle.transition;
  if (c.sampler.steps) spec.steps = *c.sampler.steps;
  if (c.sampler.eta) spec.eta = *c.sampler.eta;
  if (c.sampler.spacing) spec.spacing = parse_spacing(*c.sampler.spacing);
  if (c.sampler.guidance) spec.guidance = *c.sampler.guidance;
  if (c.sampler.min_sigma) spec.min_sigma = *c.sampler.min_sigma;
  if (c.sampler.last_step_noise) spec.last_step_noise = *c.sampler.last_step_noise;
  if (c.sampler.clip_sample) spec.clip_sample = *c.sampler.clip_sample;
  return spec;
}

}  // namespace loopline::train
