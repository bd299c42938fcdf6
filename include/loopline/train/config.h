#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/config/options.h"
#include "loopline/io/model_bundle.h"
#include "loopline/policy/advantage.h"
#include "loopline/policy/surrogate.h"
#include "loopline/tensor/cuda_options.h"

namespace loopline::train {

/// Everything a run is made of. The meaning of each option is written once, in describe()
/// (src/train/config_options.cpp); docs/configuration.md is generated from it. Optional fields are
/// blanks: the bundle or the algorithm's preset fills them in resolve().
struct TrainConfig {
  std::string model;
  std::optional<std::string> prompts;
  std::vector<std::string> reward;
  std::vector<std::string> judges;
  std::string algorithm = "loop";
  std::int64_t seed = 42;
  std::int64_t iterations = 100;
  std::string device = "auto";
  std::int64_t threads = 0;
  std::string precision = "fp32";
  std::string frozen_precision = "fp32";
  std::vector<std::string> trainable;
  std::optional<std::string> init_from;

  struct Rollout {
    std::int64_t images = 192;
    std::optional<std::int64_t> group_size;
    std::int64_t micro_batch = 64;
    std::optional<std::int64_t> decode_batch;
    std::string trajectories = "device";
    std::optional<std::string> prompt_draw;
    std::optional<std::int64_t> prompt_limit;
  } rollout;

  tensor::CudaOptions cuda;

  struct Sampler {
    std::optional<std::int64_t> steps;
    std::optional<double> eta;
    std::optional<std::string> spacing;
    std::optional<double> guidance;
    std::optional<double> min_sigma;
    std::optional<bool> last_step_noise;
    std::optional<bool> clip_sample;
  } sampler;

  struct Advantage {
    std::optional<std::string> baseline;
    std::optional<std::string> scale;
    std::optional<double> clamp;
    bool per_reward = false;
    double running_mean_decay = 0.9;
    std::int64_t buffer_size = 32;
    std::int64_t buffer_min_count = 16;
  } advantage;

  struct Surrogate {
    std::optional<std::string> kind;
    std::optional<double> clip, clip_nats, clip_low, clip_high;
  } surrogate;

  struct Learner {
    std::optional<std::int64_t> updates_per_epoch;
    std::int64_t inner_epochs = 1;
    std::string minibatch_unit = "pair";
    double timestep_fraction = 1;
    std::vector<double> step_weights;
    bool skip_zero_variance = false;
    std::int64_t shards = 1;
    std::int64_t gradient_signal_every = 0;
    bool recompute = false;
  } learner;

  struct Window {
    std::optional<std::int64_t> size;
    std::int64_t start = 0;
    std::int64_t stride = 0;
    std::int64_t every = 1;
    std::string outside = "noise";
  } window;

  struct Kl {
    double loss = 0;
    double reward = 0;
    std::optional<std::int64_t> images;
  } kl;

  struct Optimizer {
    double lr = 1e-4;
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
    double weight_decay = 1e-4;
    double max_grad_norm = 1;
    std::string schedule = "constant";
    std::int64_t warmup_iterations = 0;
    std::optional<std::int64_t> decay_iterations;
  } optimizer;

  struct Ema {
    std::optional<double> decay;
    bool evaluate = false;
  } ema;

  struct Guard {
    std::string non_finite = "skip";
    std::optional<double> loss_spike;
  } guard;

  struct Samples {
    std::int64_t every = 10;
    std::int64_t prompts = 6;
    std::int64_t per_prompt = 4;
    std::int64_t zoom = 4;
  } samples;

  struct SampleLog {
    std::int64_t every = 1;
    bool pictures = false;
  } sample_log;

  struct Checkpoints {
    std::int64_t every = 10;
    std::int64_t keep = 2;
    std::int64_t keep_every = 0;
    std::optional<std::string> best;
    std::string best_is = "highest";
  } checkpoint;

  struct Evaluation {
    std::int64_t every = 0;
    std::vector<std::string> prompts;
    std::int64_t images_per_prompt = 6;
    std::int64_t max_prompts = 100;
    std::int64_t seed = 1;
    std::optional<std::int64_t> steps;
    std::optional<double> eta;
    std::optional<double> guidance;
  } evaluation;

  struct Stop {
    std::string metric = "reward/mean";
    std::optional<double> at_least, at_most;
    std::int64_t window = 5;
  } stop;

  struct Watch {
    std::string action = "warn";
    std::optional<std::string> judge;
    std::optional<double> max_gap = 1.5;
    std::optional<double> min_diversity = 0.5;
    std::optional<double> max_kl;
    std::optional<double> max_image_shift = 2;
    std::int64_t window = 5;
  } watch;

  bool tensorboard = false;

  /// Content hashes of the inputs, written when a run starts and verified when it goes on.
  struct Hashes {
    std::string model, prompts, reward, init;
  } hashes;

  void describe(config::OptionVisitor& visitor);
};

/// Reads a config file with its base files and `--set` assignments. Blanks stay blank; an input
/// that is assigned loses the hash that the file has for it.
TrainConfig read_train_config(const std::filesystem::path& file,
                              const std::vector<std::string>& assignments);

/// The resolved config as YAML: absolute paths, no blanks, hashes.
std::string write_train_config(TrainConfig config);

/// What `loopline resume --set` may change (config::resumable_options).
std::vector<std::string> resumable_options();

/// Dotted paths of all options.
std::vector<std::string> option_names();

/// Dotted paths of the options whose values two resolved configs of one run may not differ in.
std::vector<std::string> identifying_options();

/// The parts of a resolved config in the types of the modules below.
policy::AdvantageOptions advantage_options(const TrainConfig& config);
policy::SurrogateOptions surrogate_options(const TrainConfig& config);

/// The bundle's transition with the config's overrides.
io::TransitionSpec transition_spec(const TrainConfig& config, const io::ModelBundle& bundle);

/// The same with what `evaluation` states about sampling laid over it.
io::TransitionSpec evaluation_transition(const TrainConfig& config, const io::ModelBundle& bundle);

/// The names of io::TimestepSpacing's values, in their order.
const std::vector<std::string>& spacing_names();

}  // namespace loopline::train
