#include "loopline/reward/reward_sum.h"

#include "loopline/core/error.h"
#include "reward_source.h"
#include "reward_weight.h"

namespace loopline::reward {

RewardSum::RewardSum(const RewardPlan& plan, at::Device device)
    : component_names_(reward::component_names(plan)) {
  for (std::size_t i = 0; i < plan.terms.size(); ++i) {
    const RewardTerm& term = plan.terms[i];
    rewards_.push_back(load_reward_source(term.source, plan.bundles[i], device));
    weights_.push_back(term.weight);
    name_ += (i == 0 ? "" : " + ") + (term.weight == 1 ? "" : weight_text(term.weight) + " * ") +
             rewards_.back()->name();
  }
}

Scores RewardSum::score(const at::Tensor& images, const std::vector<io::Prompt>& prompts) {
  const std::size_t samples = prompts.size();
  Scores sum{std::vector<double>(samples, 0.0), {}, std::vector<bool>(samples, true), {}};
  for (const auto& reward : rewards_) {
    Scores scores = reward->score(images, prompts);
    LOOPLINE_CHECK(scores.total.size() == samples, "a reward scored another number of images");
    for (std::size_t i = 0; i < samples; ++i) sum.valid[i] = sum.valid[i] && scores.valid[i];
    for (auto& component : scores.components) {
      sum.components.emplace_back(component_names_[sum.components.size()],
                                  std::move(component.second));
    }
    sum.terms.push_back(std::move(scores.total));
  }
  for (std::size_t t = 0; t < sum.terms.size(); ++t) {
    for (std::size_t i = 0; i < samples; ++i) {
      if (!sum.valid[i]) sum.terms[t][i] = 0;  // it may be NaN, and 0 x NaN is NaN
      sum.total[i] += weights_[t] * sum.terms[t][i];
    }
  }
  return sum;
}

std::unique_ptr<RewardSum> make_reward_sum(const RewardPlan& plan, at::Device device) {
  return std::make_unique<RewardSum>(plan, device);
}

}  // namespace loopline::reward
