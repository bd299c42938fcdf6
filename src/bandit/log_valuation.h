#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "estimate_sums.h"
#include "loopline/bandit/estimate_config.h"
#include "loopline/bandit/log_reader.h"
#include "loopline/bandit/policy.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/run/progress.h"
#include "pass_progress.h"

namespace loopline::bandit {

/// A policy to be valued, and the section of the config that describes it, for messages.
struct PolicyToValue {
  std::string section;
  PolicyConfig config;
};

/// Policies that are valued by one log, all in one pass: see estimate_log.h for the passes before.
class LogValuation {
 public:
  using Json = nlohmann::ordered_json;

  LogValuation(const EstimateSettings& settings, std::vector<PolicyToValue> policies,
               std::vector<PolicyPair> pairs, run::Progress& progress);

  /// Reads the log.
  void run();

  // Once it has been read.
  const EstimateSums& sums() const { return *sums_; }
  const LogReader& reader() const { return *reader_; }
  /// Of the weights; a policy that was trained on this log is doubtful at least.
  Verdict verdict(std::size_t policy) const;
  Json policy_json(std::size_t policy) const;  ///< {"kind", "file", "epsilon", "actions", "note"}
  /// {"files", "fingerprint", "propensities": "logged" | "estimated", "balanced": true where the
  /// weights are over the mixture of the loggers, "rows", "skipped", "skipped_messages"}
  Json log_json() const;
  std::optional<Json> model_json() const;
  /// Numbers of Diagnostics, and "weight_histogram": [{"low", "high", "rows", "weight"}].
  Json diagnostics_json(std::size_t policy) const;
  Json loggers_json(std::size_t policy) const;

 private:
  struct Valued {
    PolicyToValue asked;
    std::optional<SoftmaxPolicyData> saved{};
    std::optional<std::int64_t> actions{};  ///< that its file states
    std::unique_ptr<Policy> policy{};
  };

  LogReader open() const {
    return LogReader(settings_.log, encoding_, {.logger_shares = shares_, .limits = {}});
  }
  PassListener listener();
  bool states_actions() const;
  std::optional<std::int64_t> known_actions() const;
  bool any_uniform() const;
  bool is_trained_on_log(std::size_t policy) const;
  void learn_shares();
  void learn_features();
  void survey();
  void read_policies();
  void make_uniform();
  void check_saved(const Valued& valued) const;
  void mix_in_uniform();
  void fit_model();
  void estimate();

  const EstimateSettings& settings_;
  std::vector<EstimatorChoice> choices_;
  std::vector<PolicyPair> pairs_;
  PassProgress passes_;
  std::int64_t threads_ = 1;
  bool needs_model_ = false;
  std::vector<Valued> policies_;
  LogEncoding encoding_;
  std::vector<double> shares_;  ///< of the loggers, where weights are balanced
  std::optional<std::int64_t> actions_;
  bool actions_are_counted_ = false;
  LogSurvey survey_;
  std::optional<RewardModel> model_;
  std::optional<EstimateSums> sums_;
  std::optional<LogReader> reader_;
};

/// What is reported of an estimate after its name: {"parameter", "value", "low", "high",
/// "interval", "level", "standard_error", "baseline", "slope", "notes"}, added to `json`.
void add_numbers(const EstimateRow& row, double level, nlohmann::ordered_json& json);

}  // namespace loopline::bandit
