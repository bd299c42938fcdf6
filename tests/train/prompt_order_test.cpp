#include "loopline/train/prompt_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace loopline::train {
namespace {

TEST(PromptOrder, GoesThroughTheFileInEpochs) {
  std::vector<std::int64_t> drawn;
  for (std::int64_t iteration = 0; iteration < 7; ++iteration) {
    const auto part = prompts_of_iteration(9, iteration, 4, 7);
    drawn.insert(drawn.end(), part.begin(), part.end());
  }
  for (std::size_t epoch = 0; epoch < 4; ++epoch) {
    const std::set<std::int64_t> seen(drawn.begin() + static_cast<std::ptrdiff_t>(7 * epoch),
                                      drawn.begin() + static_cast<std::ptrdiff_t>(7 * epoch + 7));
    EXPECT_EQ(seen.size(), 7U) << "epoch " << epoch;
  }
  EXPECT_NE(std::vector<std::int64_t>(drawn.begin(), drawn.begin() + 7),
            std::vector<std::int64_t>(drawn.begin() + 7, drawn.begin() + 14));
}

}  // namespace
}  // namespace loopline::train
