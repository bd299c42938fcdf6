#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/estimate_config.h"
#include "loopline/bandit/problems.h"
#include "loopline/bandit/published.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// What `loopline bandit simulate` of estimators is asked for. The meaning of each option is
/// written once, in describe() (src/bandit/simulate_config.cpp).
struct SimulateConfig : ProblemsConfig {
  struct Target {
    std::int64_t rows = 100000;
    double l2 = 1, epsilon = 0;
  } target;
  std::vector<std::string> estimators;
  std::optional<double> clip, lambda;
  std::string model = "logistic", model_design = "shared";
  double model_l2 = 1;
  double level = 0.95;
  std::string truth = "log";
  std::int64_t truth_rows = 1000000;
  std::int64_t resamples = 2000;
  std::vector<PublishedFigure> published;  ///< mean squared errors; no option: a map in the file

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show.
  void check() const;
};

/// The estimators of a cell, with their intervals, as `loopline bandit estimate` has them.
EstimateConfig estimate_config_of(const SimulateConfig& config);

/// Reads a config file with assignments over it, checks it, and hashes the world's files.
SimulateConfig read_simulate_config(const std::filesystem::path& file,
                                    const std::vector<std::string>& assignments = {});

}  // namespace loopline::bandit
