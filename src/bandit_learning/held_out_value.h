#pragma once

#include <nlohmann/json.hpp>

#include "learning_log.h"
#include "loopline/bandit/softmax_policy.h"
#include "loopline/bandit_learning/network.h"
#include "loopline/stats/interval.h"

namespace loopline::bandit_learning {

/// beta-IPS of the network's policy on held-out rows, with its delta interval.
stats::Interval held_out_value(const SoftmaxNetwork& network, const LearningLog::HeldOut& held,
                               double level);

/// What a learned policy is worth on the part of the log that judges it, beside the uniform and the
/// logging policy: see LearningOutcome::summary.
nlohmann::ordered_json judge_policy(const LearningLog& log, const bandit::SoftmaxPolicyData& policy,
                                    double level);

}  // namespace loopline::bandit_learning
