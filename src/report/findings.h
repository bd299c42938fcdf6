#pragma once

#include "intervals.h"

namespace loopline::report::summary {

/// Three sentences from the numbers of a report: what was found, how sure it is, what it cost. They
/// claim no more than the verdicts of the differences.
Json findings(const Json& report);

}  // namespace loopline::report::summary
