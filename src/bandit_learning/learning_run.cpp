#include "loopline/bandit_learning/learning_run.h"

#include <ATen/ATen.h>

#include <cstdio>

#include "held_out_value.h"
#include "learning_log.h"
#include "loopline/config/read_options.h"
#include "loopline/core/clock.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/log.h"
#include "loopline/io/json.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/device.h"

namespace loopline::bandit_learning {
namespace {

constexpr const char* kStateFile = "learner.safetensors";

std::string resolved_text(LearnConfig config) {
  return config::write_options([&](config::OptionVisitor& v) { config.describe(v); });
}

std::string progress_text(const stats::Interval& value) {
  char text[96];
  std::snprintf(text, sizeof text, "held out %.4g [%.4g, %.4g]", value.mean, value.low, value.high);
  return text;
}

/// The epochs of one call, with all that they leave in the run's directory.
class LearningRun {
 public:
  explicit LearningRun(const LearnConfig& config)
      : config_(config),
        log_(config),
        chooser_(log_.held_out(Part::kChoose)),
        learner_(log_.fit_rows(), log_.shape(), learn_options(config)),
        best_(log_.shape(), 0) {}

  void restore(const run::Checkpoint& checkpoint) {
    const nlohmann::json& state = checkpoint.state;
    if (state.at("log") != log_.fingerprint()) {
      throw Error(config_.log.files.front(), "has changed since this run began",
                  "restore the log, or learn anew");
    }
    tensor::NamedTensors tensors = tensor::load_tensors(checkpoint.directory / kStateFile);
    tensor::copy_tensors({{"best", tensors.at("best")}}, {{"best", best_.parameters()}},
                         checkpoint.directory.string());
    tensors.erase("best");
    learner_.restore(tensors, state.at("learner"));
    best_epoch_ = state.at("best_epoch").get<std::int64_t>();
    best_value_ = state.at("best_value").get<double>();
  }

  LearningOutcome run(const run::RunDirectory& directory, run::Progress& progress) {
    remove_atomically(directory.path() / kSummaryFile);  // of an epoch that may not stay the best
    run::MetricsLog metrics(directory.metrics());
    std::int64_t saved = learner_.epochs();
    progress.start("learning", config_.epochs, saved);
    while (learner_.epochs() < config_.epochs && !is_out_of_patience() && !interrupted()) {
      Stopwatch watch;
      const std::optional<EpochTrace> trace = learner_.epoch(interrupted);
      if (!trace) break;
      const stats::Interval value = held_out_value(learner_.network(), chooser_, config_.level);
      directory.held_lock().check();
      metrics.append(line_of(*trace, value, watch.lap()));
      remember(value.mean);
      progress.update(learner_.epochs(), progress_text(value));
      if (learner_.epochs() % config_.checkpoint_every == 0) {
        save(directory);
        saved = learner_.epochs();
      }
    }
    progress.finish();
    if (learner_.epochs() > saved) save(directory);
    run::prune_checkpoints(directory.checkpoints(), {});
    return finish(directory);
  }

 private:
  bool is_out_of_patience() const {
    return config_.patience > 0 && learner_.epochs() - best_epoch_ >= config_.patience;
  }

  void remember(double value) {
    if (best_epoch_ > 0 && !(value > best_value_)) return;
    best_epoch_ = learner_.epochs();
    best_value_ = value;
    best_.parameters().copy_(learner_.network().parameters());
  }

  static nlohmann::ordered_json line_of(const EpochTrace& trace, const stats::Interval& value,
                                        double seconds) {
    return {{"iteration", trace.epoch},
            {"train/ips", trace.mean_weighted},
            {"train/mean_weight", trace.mean_weight},
            {"train/baseline", trace.baseline},
            {"gradient/variance", trace.gradient_variance},
            {"gradient/norm", trace.gradient_norm},
            {"heldout/value", value.mean},
            {"heldout/low", value.low},
            {"heldout/high", value.high},
            {"time/epoch_s", seconds}};
  }

  void save(const run::RunDirectory& directory) const {
    directory.held_lock().check();
    tensor::NamedTensors tensors = learner_.tensors();
    tensors.emplace("best", best_.parameters());
    const nlohmann::json state = {{"log", log_.fingerprint()},
                                  {"learner", learner_.numbers()},
                                  {"best_epoch", best_epoch_},
                                  {"best_value", best_value_}};
    run::write_checkpoint(directory.checkpoints(), learner_.epochs(), state,
                          [&](const std::filesystem::path& files) {
                            tensor::save_tensors(files / kStateFile, tensors);
                          });
  }

  LearningOutcome finish(const run::RunDirectory& directory) const {
    LearningOutcome outcome;
    outcome.epochs = learner_.epochs();
    outcome.best_epoch = best_epoch_;
    outcome.interrupted = outcome.epochs < config_.epochs && interrupted();
    outcome.stopped_early = outcome.epochs < config_.epochs && is_out_of_patience();
    if (best_epoch_ == 0) return outcome;
    const bandit::SoftmaxPolicyData policy = log_.policy_of(best_);
    bandit::write_softmax_policy(directory.path() / kPolicyFile, policy);
    if (outcome.interrupted) return outcome;
    outcome.summary = judge_policy(log_, policy, config_.level);
    write_file_atomically(directory.path() / kSummaryFile, outcome.summary.dump(2) + "\n");
    return outcome;
  }

  const LearnConfig& config_;
  LearningLog log_;
  LearningLog::HeldOut chooser_;
  Learner learner_;
  SoftmaxNetwork best_;
  std::int64_t best_epoch_ = 0;  ///< 0: none yet
  double best_value_ = 0;
};

void refuse_changes(const std::vector<config::OptionDifference>& differences) {
  for (const config::OptionDifference& d : differences) {
    if (d.may_change_on_resume) continue;
    throw Error(
        "--set " + d.path,
        d.path + " is " + d.before + " in this run, not " + d.after + ": that would be another run",
        "learn anew with `loopline bandit learn`");
  }
}

}  // namespace

LearningOutcome start_learning(LearnConfig config, const std::filesystem::path& directory,
                               const nlohmann::json& run_json, run::Progress& progress) {
  config.threads = tensor::set_threads(static_cast<int>(config.threads));
  LearningRun run(config);  // a bad log leaves no directory behind
  const auto target = run::RunDirectory::create(directory, resolved_text(config), run_json);
  return run.run(target, progress);
}

LearningOutcome resume_learning(run::RunDirectory directory,
                                const std::vector<std::string>& assignments,
                                run::Progress& progress) {
  directory.lock();
  LearnConfig before = read_learn_config(directory.config());
  LearnConfig config = read_learn_config(directory.config(), assignments);
  const auto differences =
      config::compare_options([&](config::OptionVisitor& v) { before.describe(v); },
                              [&](config::OptionVisitor& v) { config.describe(v); });
  refuse_changes(differences);
  tensor::set_threads(static_cast<int>(config.threads));
  LearningRun run(config);
  std::int64_t begin = 0;
  if (const auto found = run::latest_checkpoint(directory.checkpoints(), log_warning)) {
    run.restore(*found);
    begin = found->iteration;
  }
  run::set_aside_checkpoints_after(directory.checkpoints(), begin);
  run::MetricsLog::cut_back(directory.metrics(), begin);
  if (!differences.empty()) write_file_atomically(directory.config(), resolved_text(config));
  return run.run(directory, progress);
}

bool is_learning_run(const run::RunDirectory& directory) {
  const std::string file = directory.run_json().string();
  const nlohmann::json about = io::parse_json(read_file(file), file);
  return about.is_object() && about.value("command", "") == kLearnCommand;
}

}  // namespace loopline::bandit_learning
