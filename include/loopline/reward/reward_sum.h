#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loopline/reward/reward.h"
#include "loopline/reward/reward_plan.h"

namespace loopline::reward {

/// A weighted sum of rewards. total = sum of weight x a term's total; a sample is valid where every
/// term is, and elsewhere its total and its `Scores::terms` are 0. Components are the terms' own,
/// without weights, named as component_names(plan) says.
class RewardSum : public Reward {
 public:
  RewardSum(const RewardPlan& plan, at::Device device);

  const std::string& name() const override { return name_; }
  const std::vector<std::string>& component_names() const override { return component_names_; }
  Scores score(const at::Tensor& images, const std::vector<io::Prompt>& prompts) override;

  /// One a term, in the order of Scores::terms.
  const std::vector<double>& weights() const { return weights_; }

 private:
  std::string name_;  ///< "judge + 0.1 * brightness"
  std::vector<std::string> component_names_;
  std::vector<double> weights_;
  std::vector<std::unique_ptr<Reward>> rewards_;
};

/// Loads what the plan names.
std::unique_ptr<RewardSum> make_reward_sum(const RewardPlan& plan, at::Device device);

}  // namespace loopline::reward
