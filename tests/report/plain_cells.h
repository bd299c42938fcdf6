#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "loopline/report/cell.h"

namespace loopline::report {

/// A finished run with these scores, one a prompt ("p0", "p1", ...), in metric "oracle" of split
/// "rl".
inline Cell plain_cell(const std::string& arm, std::int64_t seed,
                       const std::vector<double>& scores) {
  SplitScores split{.name = "rl", .prompts = {}, .metrics = {{"oracle", scores}}};
  for (std::size_t i = 0; i < scores.size(); ++i) {
    split.prompts.push_back("p" + std::to_string(i));
  }
  Cell cell;
  cell.name = arm + "-seed-" + std::to_string(seed);
  cell.arm = arm;
  cell.group = arm == "base" ? "base" : "main";
  cell.seed = seed;
  cell.finished = true;
  cell.judges = {"oracle"};
  cell.steps_per_image = 10;
  Evaluation& evaluation = cell.evaluations.emplace_back();
  evaluation.name = "default";
  evaluation.splits = {split};
  return cell;
}

/// Curves of one metric, an iteration of 100 images, 2 updates and 5 seconds a value.
inline Curve plain_curve(const std::string& metric, const std::vector<double>& values) {
  Curve curve;
  for (std::size_t i = 1; i <= values.size(); ++i) {
    curve.images.push_back(100.0 * static_cast<double>(i));
    curve.updates.push_back(2.0 * static_cast<double>(i));
    curve.seconds.push_back(5.0 * static_cast<double>(i));
  }
  curve.metrics[metric] = values;
  return curve;
}

}  // namespace loopline::report
