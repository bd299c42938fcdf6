#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace loopline::cli {

/// run.json: versions, machine and the command line that started the run.
nlohmann::json run_info(const std::string& command);

/// The command line, for people: "loopline compare configs/emoji/compare.yaml".
std::string shown_command();

}  // namespace loopline::cli
