#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/problems.h"
#include "loopline/bandit/published.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/bandit_learning/learn_config.h"
#include "loopline/config/options.h"

namespace loopline::bandit_learning {

/// The section of a simulation's YAML that makes it one of learning.
constexpr const char* kLearningSection = "learning";

/// What `loopline bandit simulate` of learning is asked for. The meaning of each option is written
/// once, in describe() (src/bandit_learning/learning_simulation_config.cpp).
struct LearningSimulationConfig : bandit::ProblemsConfig {
  struct Learning {
    std::vector<std::string> objectives = {"ips", "snips", "beta_ips"};
    std::vector<double> lambda;
    std::optional<std::string> baseline;
    std::vector<std::int64_t> hidden;
    bool bias = true;
    LearnConfig::Optimizer optimizer;
    bandit::RewardModelConfig model;
    std::int64_t epochs = 100;
  } learning;
  std::int64_t truth_rows = 250000;
  double level = 0.95;

  /// No options: maps in the file.
  struct Published {
    std::vector<bandit::PublishedFigure> value, argmax_value, gradient_variance;
  } published;

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show.
  void check() const;
};

/// Of one objective; BanditNet's lambda is left at 0.
LearnOptions learn_options(const LearningSimulationConfig& config, const std::string& objective,
                           std::uint64_t seed);

/// Reads a config file with assignments over it, checks it, and hashes the world's files.
LearningSimulationConfig read_learning_simulation(const std::filesystem::path& file,
                                                  const std::vector<std::string>& assignments = {});

}  // namespace loopline::bandit_learning
