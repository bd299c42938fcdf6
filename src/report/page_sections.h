#pragma once

#include <string>
#include <vector>

#include "loopline/report/cell.h"
#include "loopline/report/html.h"

/// The sections of the page in their order. Each is markup without its <section> and heading, and
/// empty where the report has nothing for it.
namespace loopline::report::page {

/// "12,800" where all arms agree, else "6,400 to 12,800".
std::string images_a_run(const Json& report);

std::string results_section(const Json& report);      ///< arms at equal images, at equal updates
std::string effort_section(const Json& report);       ///< budgets, distance, gap, alarms
std::string differences_section(const Json& report);  ///< paired, with verdicts
std::string curves_section(const Json& report);
std::string splits_section(const Json& report);  ///< every metric on every split
std::string conditions_section(const Json& report, const std::vector<Cell>& cells);
std::string wall_section(const Json& report, const std::vector<Cell>& cells);
std::string failures_section(const Json& report, const std::vector<Cell>& cells);
std::string settings_section(const Json& report);  ///< what differs, and how it was tuned
std::string origin_section(const Json& report);    ///< command and versions
std::string reading_section();                     ///< what the words and bars mean

}  // namespace loopline::report::page
