#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace loopline::bandit {

/// Self-contained HTML pages (report/document.h) of what the commands print as JSON. Curves are
/// drawn by gnuplot, with a notice in their place where it is not installed.

/// Of an estimate (estimate_log.h): verdict, values with intervals, weights, loggers, the log.
/// `command` is how it was made, as shown on the page.
std::string estimate_page(const nlohmann::ordered_json& result, const std::string& command);

}  // namespace loopline::bandit
