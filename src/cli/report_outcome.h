#pragma once

#include <filesystem>

#include "loopline/train/training_run.h"

namespace loopline::cli {

/// What a person reads when training ends: where it is, what changed, what to do next.
void report_outcome(const train::TrainingOutcome& outcome, const std::filesystem::path& directory);

}  // namespace loopline::cli
