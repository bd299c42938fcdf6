#include "loopline/train/training_run.h"

#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/script_module.h"
#include "loopline/train/best_checkpoint.h"
#include "loopline/train/lora_file.h"
#include "loopline/train/stop_rule.h"
#include "loopline/train/trainer.h"
#include "loopline/train/watch.h"
#include "loopline/train/weights.h"
#include "run_loop.h"

namespace loopline::train {
namespace {

/// What a run starts from instead of its bundle's weights, and what to say of it.
struct Start {
  tensor::NamedTensors weights;
  std::string note;
};

/// The weights of a run, checked to be of the same model.
tensor::NamedTensors weights_of_run(const TrainPlan& plan, const std::string& directory) {
  const auto source = run::RunDirectory::open(directory);
  const TrainConfig config = read_train_config(source.config(), {});
  if (config.hashes.model != plan.bundle.hash) {
    throw Error(
        "config: init_from",
        directory + " trained " + config.model + ", another bundle than " + plan.config.model,
        "start from a run of the same model bundle");
  }
  return trained_weights(source).tensors;
}

/// What `init_from` names.
Start find_start(const TrainPlan& plan) {
  if (!plan.config.init_from) return {};
  const std::string& source = *plan.config.init_from;
  if (!source.ends_with(".safetensors")) return {weights_of_run(plan, source), ""};
  const tensor::ScriptModule module(plan.bundle.denoiser, at::kCPU);
  LoraWeights lora = read_lora_file(source, plan.bundle, module.parameters());
  return {std::move(lora.tensors), std::move(lora.summary)};
}

/// Refuses targets and criteria that the run will not log.
void check_metric_names(const TrainConfig& config, const Trainer& trainer) {
  StopRule(config.stop, trainer.target_names());
  Watch(config.watch, trainer.judge_names());
  BestCheckpoint(config.checkpoint, trainer.target_names());
}

/// A resumed run is the same run: what would make it another is refused, all of it in one line.
void refuse_changes(const std::vector<config::OptionDifference>& differences,
                    const run::RunDirectory& directory) {
  std::vector<std::string> keys, values;
  for (const config::OptionDifference& difference : differences) {
    if (difference.may_change_on_resume) continue;
    keys.push_back(difference.path);
    values.push_back(difference.path + " is " + difference.before + " in this run, not " +
                     difference.after);
  }
  if (keys.empty()) return;
  const std::string run = directory.path().string();
  throw Error("--set " + join(keys), join(values, "; ") + ": that would be another run",
              "start one from these weights: `loopline train " + directory.config().string() +
                  " --set init_from=" + run + " --set " + keys.front() +
                  "=...` (what may change: `loopline resume --help`)");
}

}  // namespace

TrainingOutcome start_run(const TrainPlan& plan, const std::filesystem::path& directory,
                          const nlohmann::json& run_json, run::Progress& progress) {
  TrainConfig config = plan.config;
  compute_as(config);
  const Start start = find_start(plan);
  const tensor::NamedTensors& initial = start.weights;
  const std::string hash = content_hash(initial);
  if (!config.hashes.init.empty() && config.hashes.init != hash) {
    throw Error(*config.init_from, "has other weights than when this config was written",
                "remove hashes.init from the config to start from what is there now");
  }
  config.hashes.init = hash;
  // The trainer is built first: a bad model or reward leaves no directory behind.
  Trainer trainer(plan, initial);
  check_metric_names(config, trainer);
  std::function<void(const std::filesystem::path&)> write_initial;
  if (!initial.empty()) {
    write_initial = [&](const std::filesystem::path& file) {
      tensor::save_tensors(file, initial, {{"format", "pt"}});
    };
  }
  const auto run =
      run::RunDirectory::create(directory, write_train_config(config), run_json, write_initial);
  progress.note(config.algorithm + " on " + trainer.model().bundle.name + " (" +
                trainer.model().denoiser->device().str() + ", " + config.precision + ", " +
                std::to_string(config.threads) + " threads), " + std::to_string(config.iterations) +
                " iterations of " + std::to_string(config.rollout.images) +
                " images; run directory " + directory.string());
  if (!start.note.empty()) progress.note(start.note);
  if (!trainer.reference_cost().empty()) {
    progress.note("distance to the reference (kl/*): " + trainer.reference_cost());
  }
  return run_iterations(trainer, config, run, progress, 0);
}

TrainingOutcome resume_run(run::RunDirectory directory, const std::vector<std::string>& assignments,
                           run::Progress& progress) {
  directory.lock();
  TrainPlan plan = load_train_plan(directory.config(), assignments);
  TrainConfig before = read_train_config(directory.config(), {});
  fill_blanks(before, plan.bundle, plan.prompts);
  TrainConfig& config = plan.config;
  const auto differences =
      config::compare_options([&](config::OptionVisitor& v) { before.describe(v); },
                              [&](config::OptionVisitor& v) { config.describe(v); });
  refuse_changes(differences, directory);
  compute_as(config);
  const tensor::NamedTensors initial = initial_weights(directory);
  if (content_hash(initial) != config.hashes.init) {
    throw failure(directory.initial_weights().string(),
                  "does not hold the weights that this run started from", "restore the file");
  }
  Trainer trainer(plan, initial);
  check_metric_names(config, trainer);  // before anything in the directory changes
  std::int64_t begin = 0;
  if (const auto found = run::latest_checkpoint(directory.checkpoints(), log_warning)) {
    trainer.restore(found->state, found->directory);
    begin = found->iteration;
  }
  run::set_aside_checkpoints_after(directory.checkpoints(), begin);
  for (const auto& log : {directory.metrics(), directory.evaluations(), directory.sample_log()}) {
    run::MetricsLog::cut_back(log, begin);
  }
  if (!differences.empty()) write_file_atomically(directory.config(), write_train_config(config));
  return run_iterations(trainer, config, directory, progress, begin);
}

}  // namespace loopline::train
