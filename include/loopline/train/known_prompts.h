#pragma once

#include <vector>

#include "loopline/io/prompt.h"
#include "loopline/train/evaluation.h"
#include "loopline/train/plan.h"

namespace loopline::train {

/// The splits that a run judges while it trains; none when it does not.
std::vector<Split> evaluation_splits(const TrainPlan& plan);

/// What a run's text encoder can encode before the first iteration.
struct KnownPrompts {
  std::vector<io::Prompt> prompts{};
  bool guided = false;  ///< somebody samples with guidance, so negative texts are needed, too
};

/// The prompts of the splits, and those of training unless the list is longer than what the run
/// draws from it: then each rollout encodes its own.
KnownPrompts known_prompts(const TrainPlan& plan, const std::vector<Split>& splits);

}  // namespace loopline::train
