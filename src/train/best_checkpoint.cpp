#include "loopline/train/best_checkpoint.h"

#include "loopline/core/error.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "metric_name.h"

namespace loopline::train {

BestCheckpoint::BestCheckpoint(const TrainConfig::Checkpoints& options,
                               const std::vector<std::string>& known)
    : metric_(options.best.value_or("")), highest_(options.best_is == "highest") {
  if (options.best) check_metric("checkpoint.best", metric_, known);
}

bool BestCheckpoint::see(const nlohmann::json& line) {
  const auto found = metric_value(line, metric_);
  if (!found) return false;
  const std::int64_t iteration = line.at("iteration").get<std::int64_t>();
  if (iteration == 0) return false;  // the base model, which has no checkpoint
  const double value = *found;
  value_.emplace(iteration, value);
  const bool record = !record_ || better(value, *record_);
  if (record) record_ = value;
  return record && is_of_evaluation(metric_);
}

std::optional<std::int64_t> BestCheckpoint::among(
    const std::vector<std::filesystem::path>& checkpoints) const {
  std::optional<std::int64_t> best;
  for (const auto& directory : checkpoints) {
    const std::int64_t iteration = run::iteration_of(directory);
    const auto found = value_.find(iteration);
    if (found == value_.end()) continue;
    if (!best || better(found->second, value_.at(*best))) best = iteration;
  }
  return best;
}

std::int64_t best_checkpoint(const run::RunDirectory& directory) {
  const TrainConfig config = read_train_config(directory.config(), {});
  const std::string run = directory.path().string();
  if (!config.checkpoint.best) {
    throw Error(run, "its config names no metric that says which checkpoint is the best",
                "train with checkpoint.best, for example --set checkpoint.best=reward/mean");
  }
  BestCheckpoint best(config.checkpoint, {*config.checkpoint.best});
  for (const auto& log : {directory.metrics(), directory.evaluations()}) {
    if (!std::filesystem::exists(log)) continue;
    run::MetricsLog::visit(log, [&](const nlohmann::json& line) { best.see(line); });
  }
  const auto iteration = best.among(run::list_checkpoints(directory.checkpoints()));
  if (!iteration) {
    throw Error(run, "no checkpoint has a value of " + *config.checkpoint.best + " yet",
                "let it train, or `loopline resume` it");
  }
  return *iteration;
}

}  // namespace loopline::train
