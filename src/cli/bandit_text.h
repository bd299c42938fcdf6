#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace loopline::cli {

/// Six digits, or "-" for what is no number.
std::string number_text(const nlohmann::ordered_json& value);

/// Of an estimate: "clipped_ips(8)", by the member `key`.
std::string estimator_text(const nlohmann::ordered_json& estimate, const char* key);

/// The rest of its line: value, interval and notes.
std::string value_text(const nlohmann::ordered_json& estimate);

/// The heading of that.
std::string value_heading(const nlohmann::ordered_json& estimate);

/// What a reader must know before any number: "usable", "doubtful" or "unusable", and why; and
/// whether the propensities are estimated.
void print_weights(const std::string& verdict, const nlohmann::ordered_json& reasons,
                   const nlohmann::ordered_json& log);

/// Of the member `log`: the bad rows that were skipped, if any.
void print_skipped(const nlohmann::ordered_json& log);

/// Where a page was written.
void print_report_page(const std::filesystem::path& page);

}  // namespace loopline::cli
