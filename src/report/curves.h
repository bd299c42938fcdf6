#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "arms.h"
#include "intervals.h"

namespace loopline::report::summary {

/// A training curve smoothed over the latest images.
struct Smooth {
  std::vector<double> x, y;
};

/// The name under which training logs a metric of evaluations: "judge/oracle_joint".
std::string curve_of(const std::string& metric);

/// One value an iteration; "policy/clip_fraction" is what either side clips. Empty: not logged.
std::vector<double> logged(const Curve& curve, const std::string& name);

/// At every iteration the mean over those of the latest `window` images that were measured, over
/// fewer at the start; x are the iterations' entries of `x`.
Smooth smoothed(const Curve& curve, const std::string& name, std::int64_t window,
                const std::vector<double>& x);

/// Mean height over images; NaN without the metric.
double area(const Curve& curve, const std::string& name, std::int64_t window);

/// Images after which the smoothed curve first is at `level`, among whole windows: the first few
/// iterations alone are too noisy to tell. Nothing: not within the run.
std::optional<double> images_to(const Curve& curve, const std::string& name, std::int64_t window,
                                double level);

/// Mean of the last five iterations that were measured; NaN without any.
double last_values(const Curve& curve, const std::string& name);

/// {METRIC: {"images" | "updates" | "seconds": {ARM: {"x", "mean", "low", "high"}}}} of all runs.
/// An arm is drawn as far as all its seeds go, on at most 60 points common to them; the band is the
/// bootstrap over seeds.
Json curves_json(const Arms& arms, const std::vector<std::string>& names, std::int64_t window,
                 Intervals& intervals);

}  // namespace loopline::report::summary
