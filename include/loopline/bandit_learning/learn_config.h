#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/log_config.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/bandit_learning/learner.h"
#include "loopline/config/options.h"

namespace loopline::bandit_learning {

/// What `loopline bandit learn` is asked for. The meaning of each option is written once, in
/// describe() (src/bandit_learning/learn_config.cpp).
struct LearnConfig {
  bandit::LogConfig log;
  struct Policy {
    std::vector<std::int64_t> hidden;
    bool bias = true, standardize = true;
  } policy;
  struct ObjectiveConfig {
    std::string kind = "beta_ips";
    std::optional<double> lambda;
    std::optional<std::string> baseline;
  } objective;
  bandit::RewardModelConfig model;
  struct Optimizer {
    double lr = 0.01, weight_decay = 0;
    std::int64_t batch = 1024;

    void describe(config::OptionVisitor& visitor);
  } optimizer;
  std::int64_t epochs = 100, patience = 10;
  double holdout = 0.3, level = 0.95;
  std::int64_t checkpoint_every = 10;
  std::int64_t seed = 0, threads = 0;

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show, before anything is read.
  void check() const;
};

/// Parts that several configs have.
void describe_network(std::vector<std::int64_t>& hidden, bool& bias, config::OptionVisitor& v);
void check_network(const std::vector<std::int64_t>& hidden, const std::string& option);
void describe_baseline(std::optional<std::string>& baseline, config::OptionVisitor& v);
std::vector<std::string> objective_names();

/// Of a checked config.
LearnOptions learn_options(const LearnConfig& config);

/// Reads a config file with assignments over it, and checks it.
LearnConfig read_learn_config(const std::filesystem::path& file,
                              const std::vector<std::string>& assignments = {});

/// Options that a resumed run may change.
std::vector<std::string> resumable_options();

}  // namespace loopline::bandit_learning
