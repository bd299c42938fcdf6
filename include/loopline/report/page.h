#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "loopline/report/cell.h"

namespace loopline::report {

/// One self-contained HTML page of a summary (see summary.h) and of the pictures of its cells: no
/// network, light and dark, printable. Curves are drawn by gnuplot; where that is not installed, or
/// fails, the page says so in their place.
std::string render_page(const nlohmann::ordered_json& report, const std::vector<Cell>& cells);

/// The curves of the page against images as figures for a paper, one a metric: a file name
/// ("judge-oracle_joint.svg": letters, digits, '_', '-' and '.'; no two are alike) and a complete
/// SVG document on white with a legend. None where gnuplot is not installed, or fails.
std::vector<std::pair<std::string, std::string>> render_figures(
    const nlohmann::ordered_json& report);

}  // namespace loopline::report
