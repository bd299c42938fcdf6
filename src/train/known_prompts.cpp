#include "loopline/train/known_prompts.h"

namespace loopline::train {

std::vector<Split> evaluation_splits(const TrainPlan& plan) {
  const TrainConfig::Evaluation& evaluation = plan.config.evaluation;
  if (evaluation.every == 0) return {};
  if (!evaluation.prompts.empty()) return read_splits(evaluation.prompts, evaluation.max_prompts);
  if (plan.config.prompts) return read_splits({*plan.config.prompts}, evaluation.max_prompts);
  return {{"unprompted", plan.prompts}};
}

KnownPrompts known_prompts(const TrainPlan& plan, const std::vector<Split>& splits) {
  const TrainConfig& config = plan.config;
  KnownPrompts known{.guided = *config.sampler.guidance != 1};
  const std::int64_t draws =
      config.iterations * (config.rollout.images / *config.rollout.group_size);
  if (static_cast<std::int64_t>(plan.prompts.size()) <= draws) known.prompts = plan.prompts;
  for (const Split& split : splits) {
    known.prompts.insert(known.prompts.end(), split.prompts.begin(), split.prompts.end());
  }
  if (!splits.empty() && evaluation_transition(config, plan.bundle).guidance != 1) {
    known.guided = true;
  }
  return known;
}

}  // namespace loopline::train
