#pragma once

#include <string>
#include <vector>

#include "loopline/report/cell.h"

namespace loopline::report::summary {

/// What the watch of the runs warned of, from their curves and limits: "watch/gap above 1.5 in 2 of
/// 3 runs, first after 5,760 images"; several are joined by "; ". "" when all was quiet, or off.
std::string alarms(const std::vector<const Cell*>& runs);

}  // namespace loopline::report::summary
