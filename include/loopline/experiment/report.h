#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/report/summary.h"

namespace loopline::experiment {

/// Writes DIRECTORY/report.html, report.json and report.csv, and returns the summary. The curves
/// are in DIRECTORY/figures too, an SVG document each, where gnuplot can draw them.
nlohmann::ordered_json write_report(const std::vector<report::Cell>& cells,
                                    const report::Subject& subject,
                                    const std::filesystem::path& directory);

/// What `loopline report` is asked for.
struct ReportRequest {
  std::vector<std::filesystem::path> sources{};  ///< runs, or comparisons and folders of records
  std::filesystem::path directory{};             ///< where the report goes; empty: the first source
  std::string command{};                         ///< as it was given; stands in the report
  /// report::Subject's; what is not set is that of the comparison, or of any subject.
  std::optional<std::string> title{}, metric{}, split{};
  std::optional<double> target{};
  std::optional<std::int64_t> window{};
};

/// Reports on runs, finished or not. Runs that differ in nothing but the seed are seeds of one row.
nlohmann::ordered_json report(const ReportRequest& request);

}  // namespace loopline::experiment
