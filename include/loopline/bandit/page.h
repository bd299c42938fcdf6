#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace loopline::bandit {

/// Self-contained HTML pages (report/document.h) of what the commands print as JSON. Plots are
/// drawn by gnuplot, with a notice in their place where it is not installed. `command` is how the
/// page was made, as shown on it.

/// Of estimate_log: verdict, values with intervals, weights, loggers, policy and log.
std::string estimate_page(const nlohmann::ordered_json& result, const std::string& command);

/// Of compare_log: the same of several policies, and their differences.
std::string comparison_page(const nlohmann::ordered_json& result, const std::string& command);

/// Of summarise_simulation: a section a temperature, with the errors against the length of the log.
std::string simulation_page(const nlohmann::ordered_json& summary, const std::string& command);

/// A directory with report.html and report.json of one kind: a later report of that kind replaces
/// it, one of another does not.
class ReportFiles {
 public:
  /// `kind`: the "format" of report.json, "loopline-bandit-estimate". Error (exit 2) where the
  /// directory cannot be one, or has another report.
  ReportFiles(std::filesystem::path directory, std::string kind);

  /// `result` stands in report.json behind {"format", "version", "command"}.
  void write(const std::string& page, const nlohmann::ordered_json& result,
             const std::string& command) const;

  std::filesystem::path page() const { return directory_ / "report.html"; }

 private:
  std::filesystem::path directory_;
  std::string kind_;
};

}  // namespace loopline::bandit
