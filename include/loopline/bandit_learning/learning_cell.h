#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit_learning/learning_simulation_config.h"
#include "loopline/bandit_learning/true_value.h"

namespace loopline::bandit_learning {

/// One objective on one problem of a simulation.
struct LearningCellKey {
  bandit::CellKey problem;
  std::string objective;

  std::string name() const;  ///< "temperature_-5_rows_1000_seed_3_beta_ips"
};

struct LearningCell {
  LearningCellKey key;
  TrueValue truth;               ///< of the policy after the last epoch
  std::optional<double> lambda;  ///< of banditnet: the one that was chosen
  /// Of each epoch, means over its batches (EpochTrace): of the gradient, and b.
  std::vector<double> gradient_variance, baseline;

  nlohmann::ordered_json to_json() const;
  /// The other way; whatever is wrong is an Error at `where`.
  static LearningCell from_json(const nlohmann::json& json, const std::string& where);
};

/// Draws the log of a problem, learns from it, and asks the world what the policy is worth: in
/// memory of 24 bytes and 8 a feature a row (for dr 8 an action more). A function of its arguments;
/// a signal ends it with stopped(). `data`: bandit::read_data.
LearningCell learn_in_world(const LearningSimulationConfig& config,
                            const std::shared_ptr<const bandit::LabelledData>& data,
                            const LearningCellKey& key);

}  // namespace loopline::bandit_learning
