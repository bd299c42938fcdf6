#include <utility>

#include "loopline/bandit/estimate_log.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

void add_weight(const LogBlock& block, std::size_t i, double probability, WeightedRows& rows) {
  rows.weight.push_back(probability / block.propensity[i]);
  if (block.own_propensity.empty()) return;
  rows.own_weight.push_back(probability / block.own_propensity[i]);
}

}  // namespace

WeightedRows weigh(const LogBlock& block, const Policy& policy, const RewardModel* model) {
  const Policy* const one = &policy;
  return std::move(weigh(block, {&one, 1}, model).front());
}

std::vector<WeightedRows> weigh(const LogBlock& block, std::span<const Policy* const> policies,
                                const RewardModel* model) {
  std::vector<WeightedRows> by_policy(policies.size());
  for (std::size_t p = 0; p < policies.size(); ++p) {
    LOOPLINE_CHECK(model == nullptr || policies[p]->answers_all(),
                   "a model is averaged over the probabilities of all actions");
    by_policy[p] = {.first_row = block.first_row,
                    .reward = block.reward,
                    .multiplicity = block.multiplicity,
                    .cluster = block.cluster,
                    .logger = block.logger};
    by_policy[p].weight.reserve(block.size());
  }
  std::vector<std::size_t> fold;
  if (model != nullptr) fold = folds_of(block, model->folds());
  std::vector<double> probability;
  std::vector<double> modelled;
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (model != nullptr) model->predict(block, i, fold[i], modelled);
    for (std::size_t p = 0; p < policies.size(); ++p) {
      WeightedRows& rows = by_policy[p];
      if (model == nullptr) {
        add_weight(block, i, policies[p]->logged(block, i), rows);
        continue;
      }
      const auto action = static_cast<std::size_t>(block.action[i]);
      policies[p]->answer(block, i, probability);
      LOOPLINE_CHECK(probability.size() == modelled.size(), "policy and model have equal actions");
      double value = 0;
      for (std::size_t a = 0; a < modelled.size(); ++a) value += probability[a] * modelled[a];
      add_weight(block, i, probability[action], rows);
      rows.model_logged.push_back(modelled[action]);
      rows.model_policy.push_back(value);
    }
  }
  return by_policy;
}

}  // namespace loopline::bandit
