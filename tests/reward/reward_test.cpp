#include "loopline/reward/reward.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "loopline/core/error.h"
#include "support/tiny_bundle.h"

namespace loopline::reward {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::unique_ptr<Reward> tiny(const std::string& name, const std::string& source = "") {
  const auto path = testing::fresh_directory(name);
  testing::write_tiny_reward(path, "", source);
  return make_reward(path.string(), at::kCPU);
}

const std::vector<io::Prompt> kPrompts{io::make_prompt("dark"), io::make_prompt("light")};

TEST(TorchScriptReward, ScoresEachImageForItsPrompt) {
  const auto reward = tiny("scores");
  const at::Tensor images = at::full({2, 3, 4, 4}, 0.25);
  const Scores scores = reward->score(images, kPrompts);
  EXPECT_THAT(scores.total, ::testing::ElementsAre(0.75, 0.25));
  ASSERT_EQ(scores.components.size(), 2U);
  EXPECT_EQ(scores.components[1].first, "brightness");
  EXPECT_THAT(scores.components[1].second, ::testing::ElementsAre(0.25, 0.25));
  EXPECT_THAT(scores.valid, ::testing::ElementsAre(true, true));
}

TEST(TorchScriptReward, NonFiniteRewardsComeThroughAndTheCheckNamesPromptAndSample) {
  const auto reward = tiny("nan", R"(
def forward(self, images, ids):
    r = torch.log(ids[:, 0].to(images.dtype) - 1)
    return torch.stack([r, r], 1)
)");
  const Scores scores = reward->score(at::zeros({2, 3, 4, 4}), kPrompts);
  EXPECT_TRUE(std::isinf(scores.total[0]));
  EXPECT_EQ(scores.total[1], 0);
  try {
    check_finite(scores, kPrompts, reward->name());
    FAIL() << "an infinite reward passed";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("sample 0"));
    EXPECT_THAT(error.what(), HasSubstr("\"dark\""));
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
  }
}

TEST(TorchScriptReward, RefusesOtherImagesThanItWasMadeFor) {
  const auto reward = tiny("size");
  EXPECT_THAT(
      [&] {
        reward->score(at::zeros({2, 3, 8, 4}), kPrompts);
      },
      ThrowsMessage<Error>(HasSubstr("takes images of 4x4, these have 4x8")));
  EXPECT_THAT(
      [&] {
        reward->score(at::zeros({2, 1, 4, 4}), kPrompts);
      },
      ThrowsMessage<Error>(HasSubstr("3 channels")));
}

TEST(TorchScriptReward, RefusesAResultOfAnotherShape) {
  const auto reward =
      tiny("columns", "def forward(self, images, ids):\n    return images.flatten(1).mean(1)\n");
  EXPECT_THAT(
      [&] {
        reward->score(at::zeros({2, 3, 4, 4}), kPrompts);
      },
      ThrowsMessage<Error>(HasSubstr("output.components names 2")));
}

}  // namespace
}  // namespace loopline::reward
