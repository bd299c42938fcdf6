#include "config_output_options.h"
#include "loopline/policy/preset.h"
#include "loopline/reward/reward_sum.h"
#include "loopline/train/config.h"

namespace loopline::train {
namespace {

using config::option;

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
              .one_of(spacing_names()),
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

void describe_cuda(config::OptionVisitor& v, tensor::CudaOptions& c) {
  v.field(option("tf32",
                 "float32 matrix products and convolutions on TF32 tensor cores: several times "
                 "faster, factors rounded to 10 bits of mantissa."),
          c.tf32);
  v.field(option("deterministic",
                 "Kernels that repeat bit for bit, which a resumed run needs to be the same run. "
                 "An operator that has none ends the run with its name."),
          c.deterministic);
  v.field(option("benchmark",
                 "cuDNN times its algorithms at the first call of every shape and takes the "
                 "fastest: which one may differ from start to start."),
          c.benchmark);
  v.field(option("attention", "Kernel of attention; auto lets LibTorch choose by shape and type.")
              .one_of(tensor::attention_kernels()),
          c.attention);
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
  v.field(option("per_reward",
                 "With several rewards: baseline and scale for each reward on its own, then the "
                 "advantages are added with the rewards' weights. Otherwise the weighted sum of "
                 "the rewards has one advantage."),
          c.per_reward);
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
  v.field(option("step_weights",
                 "What the loss of each step counts, from the noisiest; one number for each step "
                 "that draws noise, and only their ratios matter. Empty: all alike.")
              .at_least(0),
          c.step_weights);
  v.field(option("skip_zero_variance",
                 "Leave out groups whose rewards are all equal: under a group's baseline their "
                 "advantage is 0, and without them the loss is the mean over pairs that teach "
                 "something."),
          c.skip_zero_variance);
  v.field(option("shards",
                 "Pairs are shuffled inside this many equal parts of the groups and each "
                 "minibatch takes an equal share of each, so that a run spread over any "
                 "divisor of it sees the same minibatches.")
              .range(1, 4095),
          c.shards);
  v.field(option("gradient_signal_every",
                 "Iterations between measurements of the gradient's signal and noise by step "
                 "(gradient/*), which tell the steps that carry the learning; one costs about as "
                 "much as a pass over the iteration's pairs. 0: none.")
              .at_least(0)
              .changes_on_resume(),
          c.gradient_signal_every);
  v.field(option("recompute",
                 "Activations of the network are computed again in the backward pass instead of "
                 "being kept: less memory, more time. Needs a bundle in segments "
                 "(docs/performance.md)."),
          c.recompute);
}

void describe_window(config::OptionVisitor& v, TrainConfig::Window& c) {
  v.field(
      option("size", "Neighbouring steps in the window. Blank: all steps, no window.").at_least(1),
      c.size);
  v.field(option("start", "The window's first step at the start of the run; 0 is the noisiest.")
              .at_least(0),
          c.start);
  v.field(option("stride",
                 "How many steps towards the clean image the window moves; past the last step it "
                 "starts again at the noisiest. 0: it stays.")
              .at_least(0),
          c.stride);
  v.field(option("every", "Iterations between moves.").at_least(1), c.every);
  v.field(option("outside",
                 "How rollouts sample the steps outside: noise, as everywhere; deterministic, with "
                 "eta 0 (MixGRPO), so that images of one group differ by the window's noise and "
                 "their start.")
              .one_of({"noise", "deterministic"}),
          c.outside);
}

void describe_kl(config::OptionVisitor& v, TrainConfig::Kl& c) {
  v.field(option("loss",
                 "Weight in the loss: the loss of a pair grows by weight x mean over the latent's "
                 "elements of (mu - mu_ref)^2 / (2 sigma^2). One more forward a pair.")
              .at_least(0),
          c.loss);
  v.field(option("reward",
                 "Weight in the reward: an image's reward shrinks by weight x sum over its trained "
                 "steps of mean log(p / p_ref). reward/mean stays without it. One more forward a "
                 "step of every image.")
              .at_least(0),
          c.reward);
  v.field(option("images",
                 "Images an iteration on which the distance is measured for the log (kl/*), "
                 "rounded up to micro-batches; one more forward a step of each. kl.reward measures "
                 "all. 0: none. Blank: one micro-batch.")
              .at_least(0),
          c.images);
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

}  // namespace

void TrainConfig::describe(config::OptionVisitor& v) {
  v.field(option("model", "Model bundle: a directory with bundle.json (docs/bundles.md).")
              .path()
              .must_be_given(),
          model);
  v.field(option("prompts",
                 "What to draw while training: .txt, one prompt a line; .jsonl, with metadata and "
                 "weights; .yaml, templates with slots (docs/getting_started.md). Blank: for "
                 "models without a prompt.")
              .path(),
          prompts);
  v.field(option("reward",
                 "What is maximised: a reward bundle (a directory with reward.json) or a built-in "
                 "name; several are added, each with an optional weight: \"0.1 * "
                 "jpeg_compressibility\" (docs/rewards.md).")
              .resolved_by(reward::resolve_reward_term)
              .must_be_given(),
          reward);
  v.field(option("judges",
                 "Rewards that are logged at every iteration and never trained on: an independent "
                 "judge shows reward hacking.")
              .resolved_by(reward::resolve_reward_term),
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
                 "Precision of the network's forward and backward: fp32, bf16, or auto (bf16 "
                 "where the hardware has it). Latents, log-probabilities and trained weights are "
                 "float32 always.")
              .one_of({"fp32", "bf16", "fp16", "auto"}),
          precision);
  v.field(option("frozen_precision",
                 "How weights that are not trained are stored; less than fp32 needs precision: "
                 "bf16 and saves memory.")
              .one_of({"fp32", "bf16", "fp16"}),
          frozen_precision);
  v.field(
      option(
          "trainable",
          "Parameters to train: shell patterns over their names (`loopline inspect` lists them). "
          "The first thing to choose. Empty: the bundle's own."),
      trainable);
  v.field(option("init_from",
                 "What the start is instead of the bundle's own weights: a run directory, for the "
                 "weights that it has trained, or a LoRA file, .safetensors as diffusers, PEFT or "
                 "kohya's scripts write it, for the bundle's adapters. They are copied into the "
                 "new run. Blank: the bundle's.")
              .path(),
          init_from);
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
    v.field(option("decode_batch",
                   "Images that the decoder makes in one call, where a micro-batch of them does "
                   "not fit into memory. Changes the last bits of results. Blank: the micro-batch.")
                .range(1, 65536),
            rollout.decode_batch);
    v.field(option("trajectories",
                   "Where the latents of an iteration wait for the updates: device, or host, which "
                   "frees images x (steps + 1) latents of a GPU's memory and copies them back row "
                   "by row.")
                .one_of({"device", "host"})
                .changes_on_resume(),
            rollout.trajectories);
    v.field(option("prompt_draw",
                   "epochs: the file is gone through in shuffled epochs without repetition; "
                   "replacement: every group draws by the prompts' weights. Blank: replacement "
                   "when weights differ, else epochs.")
                .one_of({"epochs", "replacement"}),
            rollout.prompt_draw);
    v.field(option("prompt_limit",
                   "Only the first prompts of the file; 1 is a sanity check, and what "
                   "--overfit-one-prompt sets. Blank: all.")
                .at_least(1),
            rollout.prompt_limit);
  });
  v.section("sampler", "The denoising policy.", [&] { describe_sampler(v, sampler); });
  v.section("cuda", "How CUDA devices compute; without effect on the CPU.",
            [&] { describe_cuda(v, cuda); });
  v.section("advantage", "(reward - baseline) / scale.", [&] { describe_advantage(v, advantage); });
  v.section("surrogate", "The objective of one (sample, step) pair.", [&] {
    v.field(option("kind", "log_prob (REINFORCE) or clipped (PPO). Blank: the algorithm's.")
                .one_of(policy::surrogate_names()),
            surrogate.kind);
    v.field(option("clip",
                   "clipped: the ratio's gradient vanishes outside 1 +- clip. Log-probabilities "
                   "are means over the latent's elements, so the same clip is another trust "
                   "region at another latent size. Blank: 0.0001, unless clip_nats is given.")
                .above(0),
            surrogate.clip);
    v.field(option("clip_nats",
                   "The clip as a window of the whole density, in nats: clip times the latent's "
                   "elements. Means the same at every latent size; instead of clip.")
                .above(0),
            surrogate.clip_nats);
    v.field(option("clip_low",
                   "How far the ratio may fall below 1, where the advantage is negative. Blank: "
                   "as clip or clip_nats says.")
                .above(0),
            surrogate.clip_low);
    v.field(option("clip_high",
                   "How far the ratio may rise above 1, where the advantage is positive. Blank: "
                   "as clip or clip_nats says.")
                .above(0),
            surrogate.clip_high);
  });
  v.section("learner", "How an iteration's pairs become updates.",
            [&] { describe_learner(v, learner); });
  v.section("window",
            "The denoising steps that are trained on, counted among those that draw noise.",
            [&] { describe_window(v, window); });
  v.section("kl",
            "Distance to the reference policy: the bundle's adapters switched off, or else the "
            "weights that the run started from.",
            [&] { describe_kl(v, kl); });
  v.section("optimizer", "AdamW.", [&] { describe_optimizer(v, optimizer); });
  v.section(
      "ema", "Exponential moving average of the trained weights, beside them in every checkpoint.",
      [&] {
        v.field(option("decay",
                       "What the average keeps at each update; less in the first ones: "
                       "(1 + n) / (10 + n) after n updates. Blank: no average.")
                    .range(0, 1),
                ema.decay);
        v.field(option("evaluate", "Evaluations while training and picture grids use the average.")
                    .changes_on_resume(),
                ema.evaluate);
      });
  v.section("guard", "What happens when numbers go wrong.", [&] {
    v.field(option("non_finite",
                   "A reward, path, loss or gradient that is NaN or infinite. skip: the sample "
                   "is left out (samples/non_finite), or the update not made "
                   "(optim/skipped_steps), with a warning; when nothing finite is left in an "
                   "iteration the run stops. stop: the run stops with a checkpoint of the last "
                   "good state. Weights never take such numbers.")
                .one_of({"skip", "stop"})
                .changes_on_resume(),
            guard.non_finite);
    v.field(option("loss_spike",
                   "Updates are not made (optim/loss_spikes) when their loss is more than this "
                   "many standard deviations from the mean of the latest 64 updates, once there "
                   "are 16. Costs a wait for the device at each update. Blank: no such guard.")
                .above(0),
            guard.loss_spike);
  });
  describe_outputs(v, *this);
}

}  // namespace loopline::train
