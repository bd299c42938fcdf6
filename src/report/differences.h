#pragma once

#include "arms.h"
#include "intervals.h"

namespace loopline::report::summary {

/// What a difference of means over seeds may be called, from two intervals at 95 %:
/// "shown": bootstrap and t exclude 0. "suggested": the bootstrap alone does. "not shown": else.
///
/// The bootstrap counts prompts as well as seeds, but over three seeds its percentiles are too
/// narrow: a resample of few values seldom is as wide as new seeds would be. The t interval over
/// the seeds' means is right for few seeds, so nothing is shown without it.
const char* verdict(const stats::Interval& bootstrap, const stats::Interval& t);

/// Every two arms of the main group, then every arm of "updates" against every main one.
Json differences_json(const Arms& arms, const Place& place, Intervals& intervals);

}  // namespace loopline::report::summary
