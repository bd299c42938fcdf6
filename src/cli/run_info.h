#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace loopline::cli {

/// run.json: versions, machine and the command line that started the run.
nlohmann::json run_info(const std::string& command);

/// runs/NAME-20260131-142233, NAME being the config file's stem.
std::filesystem::path default_run_directory(const std::string& config);

/// The command line, for people: "loopline compare configs/emoji/compare.yaml".
std::string shown_command();

}  // namespace loopline::cli
