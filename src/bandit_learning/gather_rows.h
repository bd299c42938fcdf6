#pragma once

#include <cstdint>

#include "loopline/bandit/log_reader.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/bandit_learning/gradient.h"

namespace loopline::bandit_learning {

/// All rows that are left in a log with a fixed set of actions, in memory, with features as they
/// are, and where there is a model (not null) its predictions of all actions, each row's by the
/// model of its fold. A signal ends it with stopped().
LearningRows gather_rows(bandit::LogReader reader, const bandit::RewardModel* model,
                         std::int64_t actions);

}  // namespace loopline::bandit_learning
