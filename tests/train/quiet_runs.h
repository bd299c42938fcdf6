#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loopline/train/training_run.h"

namespace loopline::train {

/// Runs of a tiny world (support/tiny_bundle.h) without a progress bar.
inline TrainingOutcome start(const std::filesystem::path& world, const std::string& run,
                             const std::vector<std::string>& assignments = {}) {
  const auto progress = run::silent_progress();
  return start_run(load_train_plan(world / "run.yaml", assignments), world / run, {}, *progress);
}

inline TrainingOutcome resume(const std::filesystem::path& run,
                              const std::vector<std::string>& assignments = {}) {
  const auto progress = run::silent_progress();
  return resume_run(run::RunDirectory::open(run), assignments, *progress);
}

}  // namespace loopline::train
