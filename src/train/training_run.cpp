#include "loopline/train/training_run.h"

#include <cstdio>

#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/log.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/device.h"

namespace loopline::train {
namespace {

/// Thrown out of a rollout when a stop was asked for; the iteration is forgotten.
struct Interrupted {};

/// "reward 0.512  oracle_joint 0.560  31 images/s".
std::string summary(const nlohmann::ordered_json& metrics, std::int64_t images) {
  const double seconds = metrics.at("time/rollout_s").get<double>() +
                         metrics.at("time/reward_s").get<double>() +
                         metrics.at("time/update_s").get<double>();
  char text[160];
  std::snprintf(text, sizeof text, "reward %.3f", metrics.at("reward/mean").get<double>());
  std::string line = text;
  for (const auto& [key, value] : metrics.items()) {
    if (key.rfind("judge/", 0) != 0) continue;
    std::snprintf(text, sizeof text, "  %s %.3f", key.substr(6).c_str(), value.get<double>());
    line += text;
    break;  // the first component of the first judge; metrics.jsonl has them all
  }
  std::snprintf(text, sizeof text, "  %.0f images/s", static_cast<double>(images) / seconds);
  return line + text;
}

void draw_grid(Trainer& trainer, const run::RunDirectory& directory, std::int64_t iteration) {
  char name[64];
  std::snprintf(name, sizeof name, "iteration_%06lld.png", static_cast<long long>(iteration));
  io::write_png(directory.samples() / name, trainer.sample_grid());
}

void checkpoint(const Trainer& trainer, const TrainConfig& config,
                const run::RunDirectory& directory, std::int64_t iteration) {
  run::write_checkpoint(directory.checkpoints(), iteration, trainer.state(),
                        [&](const std::filesystem::path& files) { trainer.save(files); });
  run::prune_checkpoints(directory.checkpoints(), config.checkpoint.keep);
}

/// With many prompts and few images no prompt may ever collect buffer_min_count rewards: then the
/// per-prompt baseline was plain batch normalisation all along, and its user should know.
void note_unused_buffers(const TrainConfig& config, const run::RunDirectory& directory,
                         run::Progress& progress) {
  if (*config.advantage.baseline != "prompt_buffer" && *config.advantage.scale != "buffer_std") {
    return;
  }
  for (const auto& line : run::MetricsLog::read(directory.metrics())) {
    if (line.value("groups/buffered", std::int64_t{0}) > 0) return;
  }
  progress.note(
      "no prompt has collected " + std::to_string(config.advantage.buffer_min_count) +
      " rewards yet (advantage.buffer_min_count): all advantages used the batch's statistics");
}

/// Iterations `begin`.. until the end of the config or a stop.
TrainingOutcome train_in(Trainer& trainer, const TrainConfig& config,
                         const run::RunDirectory& directory, std::int64_t begin,
                         run::Progress& progress) {
  run::MetricsLog log(directory.metrics());
  progress.start("training", config.iterations, begin);
  if (begin == 0 && config.samples.every > 0) draw_grid(trainer, directory, 0);
  std::int64_t done = begin, saved = begin;
  TrainingOutcome outcome;
  while (done < config.iterations && !interrupted()) {
    nlohmann::ordered_json metrics;
    try {
      metrics = trainer.iterate(done, [&](double fraction, const std::string& activity) {
        if (activity == kSampling && interrupted()) throw Interrupted{};
        progress.within(fraction, activity);
      });
    } catch (const Interrupted&) {
      break;
    }
    ++done;
    log.append(metrics);
    progress.update(done, summary(metrics, config.rollout.images));
    const bool last = done == config.iterations;
    if (config.samples.every > 0 && (done % config.samples.every == 0 || last)) {
      draw_grid(trainer, directory, done);
    }
    if (done % config.checkpoint.every == 0 || last) {
      checkpoint(trainer, config, directory, done);
      saved = done;
    }
  }
  if (done > saved) checkpoint(trainer, config, directory, done);
  progress.finish();
  note_unused_buffers(config, directory, progress);
  outcome.interrupted = done < config.iterations;
  outcome.iterations = done;
  const auto lines = run::MetricsLog::read(directory.metrics());
  if (!lines.empty()) {
    outcome.first = lines.front();
    outcome.last = lines.back();
  }
  return outcome;
}

std::optional<run::Checkpoint> newest(const run::RunDirectory& directory) {
  return run::latest_checkpoint(directory.checkpoints(), log_warning);
}

}  // namespace

TrainingOutcome start_run(const TrainConfig& config, const std::filesystem::path& directory,
                          const nlohmann::json& run_json, run::Progress& progress) {
  tensor::set_threads(static_cast<int>(config.threads));
  // The trainer is built first: a bad model or reward leaves no directory behind.
  Trainer trainer(config);
  const auto run = run::RunDirectory::create(directory, write_train_config(config), run_json);
  progress.note(config.algorithm + " on " + trainer.model().bundle.name + " (" +
                trainer.model().denoiser->device().str() + ", " + std::to_string(config.threads) +
                " threads), " + std::to_string(config.iterations) + " iterations of " +
                std::to_string(config.rollout.images) + " images; run directory " +
                directory.string());
  return train_in(trainer, config, run, 0, progress);
}

TrainingOutcome resume_run(const run::RunDirectory& directory,
                           const std::vector<std::string>& assignments, run::Progress& progress) {
  io::ModelBundle bundle;
  TrainConfig before = load_train_config(directory.config(), {}, &bundle);
  TrainConfig config = load_train_config(directory.config(), assignments, &bundle);
  const auto differences =
      config::compare_options([&](config::OptionVisitor& v) { before.describe(v); },
                              [&](config::OptionVisitor& v) { config.describe(v); });
  for (const config::OptionDifference& difference : differences) {
    if (difference.may_change_on_resume) continue;
    throw Error("--set " + difference.path,
                "this run has " + difference.before + ", not " + difference.after +
                    ": changing it would make another run",
                "start a new run with `loopline train`");
  }
  tensor::set_threads(static_cast<int>(config.threads));
  Trainer trainer(config);
  std::int64_t begin = 0;
  if (const auto found = newest(directory)) {
    trainer.restore(found->state, found->directory);
    begin = found->iteration;
  }
  // What lies beyond is damaged or abandoned; pruning must not count it as the newest.
  run::discard_checkpoints_after(directory.checkpoints(), begin);
  run::MetricsLog::cut_back(directory.metrics(), begin);
  if (!differences.empty()) write_file_atomically(directory.config(), write_train_config(config));
  return train_in(trainer, config, directory, begin, progress);
}

std::int64_t load_trained_weights(const run::RunDirectory& directory,
                                  const tensor::NamedTensors& trainable) {
  const auto found = newest(directory);
  if (!found) {
    throw Error(directory.path().string(), "has no intact checkpoint yet",
                "let it train, or `loopline resume` it");
  }
  const auto file = found->directory / "trainable.safetensors";
  tensor::copy_tensors(tensor::load_tensors(file), trainable, file.string());
  return found->iteration;
}

}  // namespace loopline::train
