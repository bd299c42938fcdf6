#include "loopline/bandit/estimate_log.h"
#include "loopline/core/error.h"

namespace loopline::bandit {

WeightedRows weigh(const LogBlock& block, const Policy& policy, const RewardModel* model) {
  LOOPLINE_CHECK(model == nullptr || policy.answers_all(),
                 "a model is averaged over the probabilities of all actions");
  WeightedRows rows{.first_row = block.first_row,
                    .reward = block.reward,
                    .multiplicity = block.multiplicity,
                    .cluster = block.cluster,
                    .logger = block.logger};
  std::vector<std::size_t> fold;
  if (model != nullptr) fold = folds_of(block, model->folds());
  std::vector<double> probability;
  std::vector<double> modelled;
  rows.weight.reserve(block.size());
  for (std::size_t i = 0; i < block.size(); ++i) {
    if (model == nullptr) {
      rows.weight.push_back(policy.logged(block, i) / block.propensity[i]);
      continue;
    }
    const auto action = static_cast<std::size_t>(block.action[i]);
    policy.answer(block, i, probability);
    model->predict(block, i, fold[i], modelled);
    LOOPLINE_CHECK(probability.size() == modelled.size(), "policy and model have equal actions");
    double value = 0;
    for (std::size_t a = 0; a < modelled.size(); ++a) value += probability[a] * modelled[a];
    rows.weight.push_back(probability[action] / block.propensity[i]);
    rows.model_logged.push_back(modelled[action]);
    rows.model_policy.push_back(value);
  }
  return rows;
}

}  // namespace loopline::bandit
