#include "run_loop.h"

#include <cstdio>
#include <set>

#include "due.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/pictures.h"
#include "loopline/train/best_checkpoint.h"
#include "loopline/train/stop_rule.h"
#include "loopline/train/tensorboard_log.h"
#include "loopline/train/watch.h"

namespace loopline::train {
namespace {

/// Thrown out of a rollout or an evaluation when a stop was asked for; that work is forgotten.
struct Interrupted {};

/// "reward 0.512  oracle_joint 0.560  31 images/s".
std::string summary(const nlohmann::ordered_json& metrics, std::int64_t images) {
  const double seconds =
      metrics.at("time/rollout_s").get<double>() + metrics.at("time/update_s").get<double>();
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

/// "iteration_000010.png".
std::string file_name(const char* format, std::int64_t iteration, std::int64_t sample = 0) {
  char name[64];
  std::snprintf(name, sizeof name, format, static_cast<long long>(iteration),
                static_cast<long long>(sample));
  return name;
}

/// Lines of a log that may not be there yet.
void visit(const std::filesystem::path& log,
           const std::function<void(const nlohmann::json&)>& use) {
  if (std::filesystem::exists(log)) run::MetricsLog::visit(log, use);
}

/// The iterations of one call of start_run() or resume_run(), with everything they leave in the
/// run's directory.
class RunLoop {
 public:
  /// `directory` holds its lock.
  RunLoop(Trainer& trainer, const TrainConfig& config, const run::RunDirectory& directory,
          run::Progress& progress)
      : trainer_(trainer),
        config_(config),
        directory_(directory),
        progress_(progress),
        metrics_(directory.metrics()),
        stop_rule_(config.stop, trainer.target_names()),
        best_(config.checkpoint, trainer.target_names()),
        watch_(config.watch, trainer.judge_names()) {
    if (config.evaluation.every > 0) evaluations_.emplace(directory.evaluations());
    if (config.sample_log.every > 0) samples_.emplace(directory.sample_log());
  }

  TrainingOutcome run(std::int64_t begin) {
    progress_.start("training", config_.iterations, begin);
    done_ = saved_ = begin;
    try {
      if (config_.tensorboard) open_tensorboard();
      recall();
      if (begin == 0 && config_.samples.every > 0) draw_grid(0);
      train();
      if (tensorboard_) tensorboard_->close();
    } catch (const Error& error) {
      progress_.finish();
      if (error.exit_code() != ExitCode::kFailure) throw;
      throw failure("", error.what(), how_to_go_on());
    }
    progress_.finish();
    return outcome();
  }

 private:
  void train() {
    try {
      evaluate_if_due();
      while (done_ < config_.iterations && !interrupted() && !stop_rule_.reached() &&
             !watch_.stops()) {
        iterate();
        if (is_due(done_, config_.checkpoint.every) || done_ == config_.iterations) {
          save_checkpoint();
        }
        evaluate_if_due();
        prune();
      }
    } catch (const Interrupted&) {
    }
    if (done_ > saved_) save_checkpoint();
    prune();
  }

  /// What a failed run's user can do with what is left of it.
  std::string how_to_go_on() const {
    const std::string run = directory_.path().string();
    std::error_code gone;
    if (!std::filesystem::exists(directory_.config(), gone)) return "";
    return "once that is mended `loopline resume " + run + "` goes on from iteration " +
           std::to_string(saved_);
  }

  void open_tensorboard() {
    tensorboard_.emplace(directory_.tensorboard(), done_);
    tensorboard_->config(read_file(directory_.config()));
    const std::filesystem::path grid = grid_file(done_);
    if (done_ > 0 && std::filesystem::exists(grid)) tensorboard_->grid(done_, grid);
  }

  /// What earlier calls logged, for the rules that look back, and its last iteration for
  /// TensorBoard.
  void recall() {
    visit(directory_.metrics(), [&](const nlohmann::json& line) {
      remember(line);
      if (tensorboard_ && line.at("iteration") == done_) tensorboard_->metrics(line);
    });
    visit(directory_.evaluations(), [&](const nlohmann::json& line) {
      stop_rule_.see(line);
      best_.see(line);
      evaluated_ = line.at("iteration").get<std::int64_t>();
      if (tensorboard_ && evaluated_ == done_) tensorboard_->evaluation(line);
    });
  }

  void remember(const nlohmann::json& metrics) {
    if (first_.is_null()) first_ = metrics;
    last_ = metrics;
    buffers_used_ = buffers_used_ || metrics.value("groups/buffered", std::int64_t{0}) > 0;
    stop_rule_.see(metrics);
    best_.see(metrics);
    watch_.see(metrics);
  }

  Iteration next_iteration() {
    try {
      return trainer_.iterate(done_, [&](double fraction, const std::string& activity) {
        if (activity == kSampling && interrupted()) throw Interrupted{};
        progress_.within(fraction, activity);
      });
    } catch (const Error&) {
      // It failed before its first update: what is in memory is the last good state.
      if (done_ > saved_) save_checkpoint();
      throw;
    }
  }

  void iterate() {
    Iteration iteration = next_iteration();
    watch_.measure(iteration.metrics);
    directory_.held_lock().check();
    ++done_;
    if (is_due(done_, config_.sample_log.every)) log_samples(iteration);
    metrics_.append(iteration.metrics);
    if (tensorboard_) tensorboard_->metrics(iteration.metrics);
    remember(iteration.metrics);
    progress_.update(done_, summary(iteration.metrics, config_.rollout.images));
    if (config_.samples.every > 0 &&
        (is_due(done_, config_.samples.every) || done_ == config_.iterations)) {
      draw_grid(done_);
    }
    report_left_out(iteration);
    warn_of_hacking();
  }

  /// Once for each limit that is passed, not at every iteration.
  void warn_of_hacking() {
    for (const std::string& alarm : watch_.alarms()) {
      const bool is_new = warned_of_.insert(alarm.substr(0, alarm.find(" ("))).second;
      if (is_new && !watch_.stops()) {
        log_warning("iteration " + std::to_string(done_) + ": " + alarm +
                    ": look at samples/ and at watch/* (docs/reward_hacking.md)");
      }
    }
  }

  void report_left_out(const Iteration& iteration) {
    if (iteration.left_out.empty()) return;
    const std::string where = "iteration " + std::to_string(done_);
    if (!iteration.hopeless) {
      log_warning(where + ": left out: " + join(iteration.left_out, "; "));
      return;
    }
    save_checkpoint();
    throw failure(where, "left out: " + join(iteration.left_out, "; "),
                  "look at the reward and at optimizer.lr");
  }

  void log_samples(const Iteration& iteration) {
    std::vector<nlohmann::ordered_json> lines = iteration.samples;
    if (config_.sample_log.pictures) {
      make_directories(directory_.pictures());
      const std::vector<io::Image> images = tensor::to_images(iteration.images);
      for (std::size_t i = 0; i < images.size(); ++i) {
        const std::string name =
            file_name("%06lld_%04lld.png", done_, static_cast<std::int64_t>(i));
        io::write_png(directory_.pictures() / name, images[i]);
        lines[i]["picture"] = "pictures/" + name;
      }
    }
    samples_->append_all(lines);
  }

  std::filesystem::path grid_file(std::int64_t iteration) const {
    return directory_.samples() / file_name("iteration_%06lld.png", iteration);
  }

  void draw_grid(std::int64_t iteration) {
    io::write_png(grid_file(iteration), trainer_.sample_grid());
    if (tensorboard_) tensorboard_->grid(iteration, grid_file(iteration));
  }

  /// An evaluation that an interruption prevented is made up for by the resumed run.
  void evaluate_if_due() {
    const std::int64_t every = config_.evaluation.every;
    if (every == 0 || (!is_due(done_, every) && done_ != config_.iterations)) return;
    if (evaluated_ && *evaluated_ >= done_) return;
    nlohmann::ordered_json line{{"iteration", done_},
                                {"images/total", done_ * config_.rollout.images}};
    line.update(trainer_.evaluate([&](double fraction) {
      if (interrupted()) throw Interrupted{};
      progress_.within(fraction, "evaluating");
    }));
    evaluations_->append(line);
    if (tensorboard_) tensorboard_->evaluation(line);
    stop_rule_.see(line);
    evaluated_ = done_;
    if (best_.see(line) && done_ > saved_) save_checkpoint();
  }

  void save_checkpoint() {
    directory_.held_lock().check();
    run::write_checkpoint(directory_.checkpoints(), done_, trainer_.state(),
                          [&](const std::filesystem::path& files) { trainer_.save(files); });
    saved_ = done_;
    pruned_ = false;
  }

  /// After the evaluation that may make the newest checkpoint the best.
  void prune() {
    if (pruned_) return;
    const std::filesystem::path checkpoints = directory_.checkpoints();
    run::prune_checkpoints(checkpoints, {.newest = config_.checkpoint.keep,
                                         .every = config_.checkpoint.keep_every,
                                         .best = best_.among(run::list_checkpoints(checkpoints))});
    pruned_ = true;
  }

  TrainingOutcome outcome() {
    TrainingOutcome outcome;
    outcome.iterations = done_;
    if (done_ < config_.iterations) {
      outcome.interrupted = interrupted();
      outcome.target_reached = stop_rule_.reached().value_or("");
      if (watch_.stops()) outcome.hacking = join(watch_.alarms(), "; ");
    }
    outcome.first = first_;
    outcome.last = last_;
    const bool buffered =
        *config_.advantage.baseline == "prompt_buffer" || *config_.advantage.scale == "buffer_std";
    // With many prompts and few images no prompt may ever collect buffer_min_count rewards: then
    // the per-prompt baseline was plain batch normalisation all along, and its user should know.
    if (buffered && !buffers_used_ && done_ > 0) {
      progress_.note("no prompt has collected " +
                     std::to_string(config_.advantage.buffer_min_count) +
                     " rewards yet (advantage.buffer_min_count): all advantages used the batch's "
                     "statistics");
    }
    return outcome;
  }

  Trainer& trainer_;
  const TrainConfig& config_;
  const run::RunDirectory& directory_;
  run::Progress& progress_;
  // Opened once: opening reads the whole file, to cut off a torn line.
  run::MetricsLog metrics_;
  std::optional<run::MetricsLog> evaluations_, samples_;
  std::optional<TensorBoardLog> tensorboard_;
  StopRule stop_rule_;
  BestCheckpoint best_;
  Watch watch_;
  std::set<std::string> warned_of_;  ///< alarms of the watch, without their figures
  std::int64_t done_ = 0;
  std::int64_t saved_ = 0;                 ///< iteration of the latest checkpoint
  bool pruned_ = false;                    ///< since that checkpoint
  std::optional<std::int64_t> evaluated_;  ///< iteration of the latest evaluation
  bool buffers_used_ = false;
  nlohmann::json first_, last_;
};

}  // namespace

TrainingOutcome run_iterations(Trainer& trainer, const TrainConfig& config,
                               const run::RunDirectory& directory, run::Progress& progress,
                               std::int64_t begin) {
  return RunLoop(trainer, config, directory, progress).run(begin);
}

}  // namespace loopline::train
