#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace loopline::bandit_learning {

/// Writes DIRECTORY/report.html and report.json of learning runs, finished or not, and returns the
/// latter but for its head (format, version, command). `command` is how it was made, as shown on
/// the page.
///
/// {"format": "loopline-bandit-learn", "version": 1, "command",
///  "runs": [{"name", "epochs", "best_epoch", "settings": {OPTION: text},
///            "summary": as LearningOutcome::summary, null of a run that has not finished,
///            "curves": {"iteration": [..], NAME: [number or null, ..]}}]}
///
/// Curves have the names of metrics.jsonl. Two runs with one name are told apart by their numbers.
/// A directory that holds another report is an Error (exit 2).
nlohmann::ordered_json report_learning_runs(const std::vector<std::filesystem::path>& runs,
                                            const std::filesystem::path& directory,
                                            const std::string& command);

/// The page of such a report.
std::string learning_page(const nlohmann::ordered_json& report, const std::string& command);

}  // namespace loopline::bandit_learning
