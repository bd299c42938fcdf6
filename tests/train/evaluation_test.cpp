#include "loopline/train/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "loopline/core/error.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(EvaluateSplit, DoesNotDependOnTheOtherPrompts) {
  const auto world = testing::make_tiny_world("evaluate_noise");
  denoiser::Model model = denoiser::load_model(world / "model", at::kCPU);
  Jury jury(reward::plan_reward({(world / "reward").string()}), {}, at::kCPU);
  const EvaluationOptions options{
      .transition = model.bundle.transition, .images_per_prompt = 2, .micro_batch = 4};
  const auto values = [&](const std::vector<std::string>& texts) {
    Split split{"s", {}};
    for (const auto& text : texts) split.prompts.push_back(io::make_prompt(text));
    return evaluate_split(model, options, split, jury, [](std::int64_t) {}).at("reward").value;
  };
  const auto both = values({"dark", "light"}), alone = values({"light"});
  EXPECT_NEAR(both[2], alone[0], 1e-6);
  EXPECT_NEAR(both[3], alone[1], 1e-6);
}

TEST(EvaluateSplit, SummariesLeaveOutImagesWithoutAValue) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const SplitValues after{{"reward", {{1, kNone, 3, 8}, {0, 0, 1, 1}}}, {"none", {{kNone}, {0}}}};
  const SplitValues before{{"reward", {{0, 5, kNone, 2}, {0, 0, 1, 1}}}, {"none", {{1}, {0}}}};
  EXPECT_EQ(summarize(after, 1).at("reward").mean, 4);
  EXPECT_EQ(summarize(after, 1).count("none"), 0U);
  EXPECT_EQ(summarize_gain(after, before, 1).at("reward").mean, 3.5) << "of the 1 and the 6";
}

TEST(ReadSplits, AreNamedAfterTheirFilesAndSpreadOverThem) {
  const auto world = testing::make_tiny_world("splits");
  const auto splits = read_splits({(world / "prompts.txt").string()}, 2);
  ASSERT_EQ(splits.size(), 1U);
  EXPECT_EQ(splits[0].name, "prompts");
  ASSERT_EQ(splits[0].prompts.size(), 2U);
  EXPECT_EQ(splits[0].prompts[1].text, "light");
  EXPECT_THAT(
      [&] {
        read_splits({"prompts.txt", (world / "prompts.txt").string()}, 2);
      },
      ThrowsMessage<Error>(HasSubstr("prompts")));
}

}  // namespace
}  // namespace loopline::train
