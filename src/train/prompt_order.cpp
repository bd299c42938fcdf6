#include "loopline/train/prompt_order.h"

#include "loopline/core/random.h"

namespace loopline::train {

std::vector<std::int64_t> prompts_of_iteration(std::uint64_t seed, std::int64_t iteration,
                                               std::int64_t groups, std::int64_t prompt_count) {
  std::vector<std::int64_t> chosen;
  std::vector<std::int64_t> order;
  std::int64_t order_epoch = -1;
  for (std::int64_t position = iteration * groups; position < (iteration + 1) * groups;
       ++position) {
    const std::int64_t epoch = position / prompt_count;
    if (epoch != order_epoch) {
      order = random_permutation({.seed = seed,
                                  .stream = Stream::kPromptOrder,
                                  .iteration = static_cast<std::uint32_t>(epoch)},
                                 prompt_count);
      order_epoch = epoch;
    }
    chosen.push_back(order[static_cast<std::size_t>(position % prompt_count)]);
  }
  return chosen;
}

}  // namespace loopline::train
