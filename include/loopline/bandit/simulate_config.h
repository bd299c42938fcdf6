#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/estimate_config.h"
#include "loopline/bandit/labelled_world.h"
#include "loopline/bandit/synthetic_world.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// A figure that somebody else has published: the mean squared error of an estimator.
struct PublishedFigure {
  double temperature = 0;
  std::int64_t rows = 0;
  std::string estimator;
  double value = 0;
};

/// What `loopline bandit simulate` is asked for. The meaning of each option is written once, in
/// describe() (src/bandit/simulate_config.cpp).
struct SimulateConfig {
  std::vector<double> temperatures = {-5, 1, 5};
  std::vector<std::int64_t> rows;
  std::int64_t seeds = 50, first_seed = 0;
  struct WorldConfig {
    std::string kind = "synthetic";
    SyntheticConfig synthetic;
    std::vector<std::string> files, features, categorical;
    std::optional<std::string> label, hash;
    LabelledConfig labelled;
  } world;
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
  std::vector<PublishedFigure> published;  ///< no option: a map in the file

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
