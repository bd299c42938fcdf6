#pragma once

#include <span>
#include <vector>

#include "loopline/policy/advantage.h"

namespace loopline::policy {

/// Advantages of several rewards that were normalised on their own, added with the rewards'
/// weights: A = sum_i w_i A_i. `parts` are the rewards' advantages over the same `batch` (whose
/// group size and valid samples count; its rewards do not). A sample is informative when it is
/// under any of them; a group has zero variance when it has under all of them.
Advantages weighted_sum(const std::vector<Advantages>& parts, std::span<const double> weights,
                        const RewardBatch& batch);

}  // namespace loopline::policy
