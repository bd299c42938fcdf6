#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/estimators.h"
#include "loopline/bandit/log_config.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// Which policy is to be judged.
struct PolicyConfig {
  std::string kind;  ///< column, uniform, table, softmax
  std::optional<std::string> file;
  std::string action = "action", probability = "probability";  ///< columns of a table
  std::optional<std::string> position;
  double epsilon = 0;

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show; `section` begins the messages.
  void check(const std::string& section) const;
};

/// What a log is asked, whichever policies are valued.
struct EstimateSettings {
  LogConfig log;
  std::vector<std::string> estimators;  ///< empty: see choices_of
  std::optional<double> clip, lambda, baseline;
  std::vector<double> clip_grid;  ///< SLOPE chooses M among these; empty: M is `clip`
  RewardModelConfig model;
  struct Interval {
    std::string kind = "auto";
    double level = 0.95;
    std::vector<double> range;
    std::int64_t resamples = 200, seed = 0;
  } interval;
  VerdictThresholds verdict;
  std::int64_t threads = 0;

  /// All but the log and the baseline, which has another meaning where policies are compared.
  void describe_estimates(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show, before anything is read.
  void check_estimates() const;
};

/// What `loopline bandit estimate` is asked for. The meaning of each option is written once, in
/// describe() (src/bandit/estimate_config.cpp).
struct EstimateConfig : EstimateSettings {
  PolicyConfig policy;

  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show, before anything is read.
  void check() const;
};

/// A model averages over all actions: an Error where one is asked for and the policy is a column.
void check_model_for(const EstimateSettings& settings, const PolicyConfig& policy,
                     const std::string& section);

/// The estimators, with parameters. Without names: ips, snips, beta_ips, and with a model also dm,
/// dr and sndr. With a clip_grid one with an M is there once for each M, from the greatest on.
/// Errors: check_choice; one that needs a model where there is none; both clip and clip_grid.
std::vector<EstimatorChoice> choices_of(const EstimateSettings& settings);

/// The kind of interval of each: as asked for, where that is valid, which an Error says otherwise.
/// `auto`: the first valid one of student_t, delta.
std::vector<IntervalKind> intervals_of(const EstimateSettings& settings,
                                       const std::vector<EstimatorChoice>& choices);

/// Reads a config file with assignments over it, and checks it.
EstimateConfig read_estimate_config(const std::filesystem::path& file,
                                    const std::vector<std::string>& assignments = {});

}  // namespace loopline::bandit
