#include "loopline/reward/reward_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "loopline/core/error.h"
#include "loopline/core/hash.h"
#include "support/tiny_bundle.h"

namespace loopline::reward {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(RewardTerm, IsASourceWithOrWithoutAWeight) {
  const auto parsed = [](const std::string& text) {
    const RewardTerm term = parse_reward_term(text);
    return std::pair(term.weight, term.source);
  };
  using Parsed = std::pair<double, std::string>;
  EXPECT_EQ(parsed("brightness"), Parsed(1, "brightness"));
  EXPECT_EQ(parsed("0.1 * brightness"), Parsed(0.1, "brightness"));
  EXPECT_EQ(parsed("  -2.5e-1*a directory/judge "), Parsed(-0.25, "a directory/judge"));
  EXPECT_EQ(parsed("1 * odd*name"), Parsed(1, "odd*name"));
}

class BadTerm : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {};

TEST_P(BadTerm, IsAnErrorThatSaysWhatIsWrong) {
  const auto& [text, message] = GetParam();
  EXPECT_THAT([text = text] { parse_reward_term(text); },
              ThrowsMessage<Error>(AllOf(HasSubstr("\"" + text + "\""), HasSubstr(message),
                                         HasSubstr("WEIGHT * SOURCE"))));
}

INSTANTIATE_TEST_SUITE_P(All, BadTerm,
                         ::testing::Values(std::tuple("2 *", "names no reward"),
                                           std::tuple("", "names no reward"),
                                           std::tuple("  ", "names no reward"),
                                           std::tuple("* x", "no weight before the star"),
                                           std::tuple("a * b", "no finite number"),
                                           std::tuple("2x * b", "no finite number"),
                                           std::tuple("nan * x", "no finite number"),
                                           std::tuple("-inf * x", "no finite number"),
                                           std::tuple("1e999 * x", "no finite number"),
                                           std::tuple("0 * x", "weight 0"),
                                           std::tuple("-0.0 * x", "weight 0")),
                         [](const auto& info) { return "Number" + std::to_string(info.index); });

TEST(ResolveRewardTerm, MakesPathsAbsoluteAndKeepsNamesAndWeights) {
  EXPECT_EQ(resolve_reward_term("brightness", "/etc/x"), "brightness");
  EXPECT_EQ(resolve_reward_term("0.10 * brightness", "/etc/x"), "0.10 * brightness");
  EXPECT_EQ(resolve_reward_term("./brightness", "/etc/x"), "/etc/x/brightness");
  EXPECT_EQ(resolve_reward_term("0.50*../judge/", "/etc/x"), "0.50 * /etc/judge");
  EXPECT_EQ(resolve_reward_term("/abs/./judge", "/etc/x"), "/abs/judge");
  EXPECT_EQ(resolve_reward_term("judge", "relative"),
            (std::filesystem::current_path() / "relative/judge").string());
}

TEST(ResolveRewardTerm, ReadsBackEvenWithAStarInThePath) {
  const std::string resolved = resolve_reward_term("judge", "/odd*place");
  EXPECT_EQ(parse_reward_term(resolved).source, "/odd*place/judge");
  EXPECT_EQ(resolve_reward_term(resolved, "/elsewhere"), resolved);
}

/// `directory` with the tiny reward as two bundles, `one` and `other` (another manifest).
std::filesystem::path two_bundles(const std::string& name) {
  const auto directory = testing::fresh_directory(name);
  testing::write_tiny_reward(directory / "one");
  testing::write_tiny_reward(directory / "other", "other_");
  return directory;
}

TEST(PlanReward, ReadsManifestsOfBundles) {
  const auto directory = two_bundles("plan");
  const RewardPlan plan = plan_reward({"-2 * " + (directory / "one").string(), "colourfulness"});
  ASSERT_EQ(plan.terms.size(), 2U);
  EXPECT_EQ(plan.terms[0].weight, -2);
  ASSERT_TRUE(plan.bundles[0].has_value());
  EXPECT_EQ(plan.bundles[0]->components.size(), 2U);
  EXPECT_FALSE(plan.bundles[1].has_value());
}

TEST(PlanReward, NamesComponentsByHowManyTermsThereAre) {
  const auto directory = two_bundles("names");
  const std::string one = (directory / "one").string();
  const auto names = [](const std::vector<std::string>& terms) {
    return component_names(plan_reward(terms));
  };
  EXPECT_THAT(names({"2 * " + one}), ElementsAre("reward", "brightness"));
  EXPECT_THAT(names({"colourfulness"}), ElementsAre("colourfulness"));
  EXPECT_THAT(names({"colourfulness", one}),
              ElementsAre("colourfulness", "brightness/reward", "brightness/brightness"));
}

TEST(PlanReward, RefusesTwoComponentsOfOneName) {
  const auto directory = two_bundles("twice");
  const std::string one = (directory / "one").string();
  EXPECT_THAT(
      [&] {
        plan_reward({one, "0.5 * " + one});
      },
      ThrowsMessage<Error>(HasSubstr("\"brightness/reward\"")));
  EXPECT_THAT(
      [] {
        plan_reward({"brightness", "2 * brightness"});
      },
      ThrowsMessage<Error>(HasSubstr("sum of the weights")));
}

TEST(PlanReward, NamesTheNearestOfAnUnknownReward) {
  EXPECT_THAT([] { plan_reward({"jpeg_compresibility"}); },
              ThrowsMessage<Error>(HasSubstr("did you mean jpeg_compressibility?")));
  EXPECT_THAT([] { plan_reward({"0.1 * /nowhere/brigthness"}); },
              ThrowsMessage<Error>(HasSubstr("did you mean brightness?")));
  EXPECT_THAT([] { plan_reward({"nowhere"}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("\"nowhere\""), HasSubstr("reward.json"))));
  EXPECT_THAT([] { plan_reward({}); }, ThrowsMessage<Error>(HasSubstr("names no reward")));
}

TEST(PlanReward, HashesOneBundleAsTheBundle) {
  const auto directory = two_bundles("hash");
  const std::string one = (directory / "one").string();
  EXPECT_EQ(plan_reward({one}).hash, io::load_reward_bundle(one).hash);
  EXPECT_EQ(plan_reward({"1.0 * " + one}).hash, io::load_reward_bundle(one).hash);
}

TEST(PlanReward, HashesEveryTermAndWeight) {
  const auto directory = two_bundles("hashes");
  const std::string one = (directory / "one").string();
  const std::string bundle = io::load_reward_bundle(one).hash;
  EXPECT_EQ(plan_reward({"0.10 * brightness"}).hash, sha256("0.1 * brightness\n"));
  EXPECT_EQ(plan_reward({one, "-2e0 * colourfulness"}).hash,
            sha256("1 * " + bundle + "\n-2 * colourfulness\n"));
  EXPECT_NE(plan_reward({"2 * " + one}).hash, bundle);
}

}  // namespace
}  // namespace loopline::reward
