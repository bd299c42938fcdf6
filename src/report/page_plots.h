#pragma once

#include <string>
#include <vector>

#include "loopline/report/html.h"
#include "loopline/report/plot.h"

/// What the curves of a report look like, on the page and in figures.
namespace loopline::report::page {

/// Metrics with curves; the headline metric first.
std::vector<std::string> plotted_metrics(const Json& report);

/// The curves of a metric against "images", "updates" or "seconds"; without lines where it has
/// none.
Plot metric_plot(const Json& report, const std::string& metric, const std::string& axis);

}  // namespace loopline::report::page
