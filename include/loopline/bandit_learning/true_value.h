#pragma once

#include <cstdint>

#include "loopline/bandit/world.h"
#include "loopline/bandit_learning/network.h"

namespace loopline::bandit_learning {

/// Expected rewards in a world, exact over actions and rewards: means of sum_a pi(a | x) q(x, a)
/// over the contexts of World::visit_truth.
struct TrueValue {
  double value = 0;    ///< of the softmax policy, which draws its actions
  double argmax = 0;   ///< of the policy that always takes the likeliest action
  double best = 0;     ///< of the best of all policies, max_a q(x, a)
  double uniform = 0;  ///< of the uniform policy
  double logging = 0;  ///< of the logging policy
};

TrueValue true_value(const SoftmaxNetwork& network, const bandit::World& world, std::int64_t fresh);

}  // namespace loopline::bandit_learning
