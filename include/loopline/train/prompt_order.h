#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace loopline::train {

/// Which prompts iteration `iteration` (0-based) draws: indices into the prompt file, `groups` of
/// them. The file is gone through in epochs, each a fresh permutation without repetition; the
/// position in the epochs follows from the iteration alone, so resume has nothing to restore.
std::vector<std::int64_t> prompts_of_iteration(std::uint64_t seed, std::int64_t iteration,
                                               std::int64_t groups, std::int64_t prompt_count);

/// Likewise with replacement: each of the `groups` prompts is prompt j with probability
/// weights[j] / their sum, whatever else is drawn. Weights are finite and not negative, one of them
/// is greater than 0. Fewer groups draw the first ones of more; again the iteration alone decides.
std::vector<std::int64_t> drawn_prompts_of_iteration(std::uint64_t seed, std::int64_t iteration,
                                                     std::int64_t groups,
                                                     std::span<const double> weights);

}  // namespace loopline::train
