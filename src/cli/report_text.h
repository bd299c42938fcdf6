#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace loopline::cli {

/// Prints a report's table and sentences and where the page is, or its JSON. A null report has
/// nothing to say.
void print_report(const nlohmann::ordered_json& report, const std::filesystem::path& directory,
                  bool json);

}  // namespace loopline::cli
