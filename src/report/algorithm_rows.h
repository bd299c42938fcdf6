#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "arms.h"
#include "headline.h"
#include "intervals.h"

namespace loopline::report::summary {

/// The "base" of a report; null without that cell.
Json base_json(const Arms& arms, const Headline& headline);

/// One of the "algorithms" of a report, from the arm's ready cells.
Json algorithm_json(const Arm& arm, const Cell* base, const Headline& headline,
                    std::optional<double> target, std::int64_t window, Intervals& intervals);

}  // namespace loopline::report::summary
