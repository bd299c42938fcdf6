#include "loopline/train/jury.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

at::Tensor picture(double value) { return at::full({2, 3, 4, 4}, value, at::kFloat); }

std::vector<io::Prompt> prompts() { return {io::make_prompt("dark"), io::make_prompt("light")}; }

TEST(BackgroundJury, GivesTheVerdictsOfJudgingInPlaceInOrder) {
  const auto world = testing::make_tiny_world("jury");
  Jury jury(reward::plan_reward({(world / "reward").string(), "brightness"}),
            {(world / "judge").string()}, at::kCPU);
  Verdict in_place;
  BackgroundJury background(jury);
  for (int batch = 0; batch < 20; ++batch) {
    in_place.append(jury.judge(picture(0.05 * batch), prompts()));
  }
  for (int batch = 0; batch < 20; ++batch) background.push(picture(0.05 * batch), prompts());
  const Verdict verdict = background.finish();
  EXPECT_EQ(verdict.reward.total, in_place.reward.total);
  EXPECT_EQ(verdict.reward.terms, in_place.reward.terms);
  EXPECT_EQ(verdict.reward.components, in_place.reward.components);
  EXPECT_EQ(verdict.judges, in_place.judges);
  EXPECT_EQ(verdict.reward.total.size(), 40U);
  EXPECT_GT(background.busy_seconds(), 0);
}

TEST(BackgroundJury, ThrowsWhatTheRewardThrew) {
  const auto world = testing::make_tiny_world("jury_throws");
  Jury jury(reward::plan_reward({(world / "reward").string()}), {}, at::kCPU);
  BackgroundJury background(jury);
  background.push(at::zeros({2, 3, 5, 5}), prompts());
  EXPECT_THAT(
      [&] {
        background.push(picture(0.5), prompts());
        background.finish();
      },
      ThrowsMessage<Error>(HasSubstr("takes images of 4x4")));
}

TEST(BackgroundJury, IsAbandonedWithWorkLeft) {
  const auto world = testing::make_tiny_world("jury_abandoned");
  Jury jury(reward::plan_reward({(world / "reward").string()}), {}, at::kCPU);
  BackgroundJury background(jury);
  for (int batch = 0; batch < 50; ++batch) background.push(picture(0.5), prompts());
}

TEST(Jury, RefusesTwoJudgesWithOneName) {
  const auto world = testing::make_tiny_world("jury_names");
  const std::string judge = (world / "judge").string();
  EXPECT_THAT(
      [&] {
        Jury(reward::plan_reward({"brightness"}), {judge, judge}, at::kCPU);
      },
      ThrowsMessage<Error>(HasSubstr("judge_reward")));
}

}  // namespace
}  // namespace loopline::train
