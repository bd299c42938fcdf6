#pragma once

#include <filesystem>

#include "loopline/bandit_learning/learning_run.h"

namespace loopline::cli {

/// What a call of start_learning or resume_learning came to, for people or as JSON.
void report_learning(const bandit_learning::LearningOutcome& outcome,
                     const std::filesystem::path& directory, bool as_json);

/// Where the report of learning runs lies, with a line a run; or its JSON.
void print_learning_report(const nlohmann::ordered_json& report,
                           const std::filesystem::path& directory, bool as_json);

}  // namespace loopline::cli
