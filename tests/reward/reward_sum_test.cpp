#include "loopline/reward/reward_sum.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "support/tiny_bundle.h"

namespace loopline::reward {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const std::vector<io::Prompt> kThreePrompts{io::make_prompt("dark"), io::make_prompt("light"),
                                            io::make_prompt("light")};

at::Tensor three_images() {
  return at::sin(at::arange(3 * 3 * 16, at::kFloat) * 3.7).reshape({3, 3, 4, 4}) * 0.5 + 0.5;
}

/// A tiny reward called `name` whose second component, `flag`, says which samples are valid.
std::string flagged_reward(const std::filesystem::path& directory, const std::string& name,
                           const std::string& forward) {
  testing::write_tiny_reward(directory, "", forward);
  nlohmann::json manifest = nlohmann::json::parse(read_file(directory / "reward.json"));
  manifest["name"] = name;
  manifest["output"] = {{"components", {"reward", "flag"}}, {"total", "reward"}, {"valid", "flag"}};
  std::ofstream(directory / "reward.json") << manifest.dump();
  return directory.string();
}

std::unique_ptr<RewardSum> sum_of(const std::vector<std::string>& terms) {
  return make_reward_sum(plan_reward(terms), at::kCPU);
}

TEST(RewardSum, AddsWhatTheTermsGiveAlone) {
  const auto directory = testing::fresh_directory("sum");
  testing::write_tiny_reward(directory / "judge");
  const std::string judge = (directory / "judge").string();
  const auto sum = sum_of({"0.1 * jpeg_compressibility", judge, "-2 * colourfulness"});
  const Scores scores = sum->score(three_images(), kThreePrompts);
  EXPECT_THAT(sum->weights(), ElementsAre(0.1, 1, -2));
  EXPECT_EQ(sum->name(), "0.1 * jpeg_compressibility + brightness + -2 * colourfulness");

  std::vector<Scores> alone;
  for (const std::string& source :
       {std::string("jpeg_compressibility"), judge, std::string("colourfulness")}) {
    alone.push_back(make_reward(source, at::kCPU)->score(three_images(), kThreePrompts));
  }
  ASSERT_EQ(scores.terms.size(), 3U);
  for (std::size_t t = 0; t < 3; ++t) EXPECT_EQ(scores.terms[t], alone[t].total) << t;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(scores.total[i],
                     0.1 * alone[0].total[i] + alone[1].total[i] - 2 * alone[2].total[i]);
  }
  std::vector<std::string> names;
  for (const auto& component : scores.components) names.push_back(component.first);
  EXPECT_EQ(names, sum->component_names());
  EXPECT_THAT(names, ElementsAre("jpeg_compressibility", "brightness/reward",
                                 "brightness/brightness", "colourfulness"));
  EXPECT_EQ(scores.components[2].second, alone[1].components[1].second) << "without weights";
  EXPECT_EQ(scores.components[3].second, alone[2].components[0].second);
}

TEST(RewardSum, OfOneTermIsThatTerm) {
  const auto directory = testing::fresh_directory("one");
  testing::write_tiny_reward(directory);
  const auto sum = sum_of({directory.string()});
  const auto alone = make_reward(directory.string(), at::kCPU);
  const Scores scores = sum->score(three_images(), kThreePrompts);
  const Scores expected = alone->score(three_images(), kThreePrompts);
  EXPECT_EQ(sum->name(), alone->name());
  EXPECT_EQ(sum->component_names(), alone->component_names());
  EXPECT_EQ(scores.total, expected.total);
  EXPECT_EQ(scores.components, expected.components);
  EXPECT_THAT(scores.terms, ElementsAre(expected.total));
}

TEST(RewardSum, ASampleIsValidWhereEveryTermIsAndHasTotal0Elsewhere) {
  const auto directory = testing::fresh_directory("valid");
  // Sample 0 cannot be scored by the first, sample 1 by the second: NaN and an overflow.
  const std::string first = flagged_reward(directory / "first", "first", R"(
def forward(self, images, ids):
    dark = (ids[:, 0] == 1)
    reward = torch.where(dark, torch.full([images.size(0)], float("nan")), images[:, 0, 0, 0])
    return torch.stack([reward, 1 - dark.to(images.dtype)], 1)
)");
  const std::string second = flagged_reward(directory / "second", "second", R"(
def forward(self, images, ids):
    first = torch.arange(images.size(0)) == 1
    reward = torch.where(first, torch.full([images.size(0)], float("inf")), images[:, 1, 0, 0])
    return torch.stack([reward, 1 - first.to(images.dtype)], 1)
)");
  const at::Tensor images = three_images();
  const Scores scores = sum_of({first, "3 * " + second})->score(images, kThreePrompts);
  EXPECT_THAT(scores.valid, ElementsAre(false, false, true));
  EXPECT_EQ(scores.total[0], 0);
  EXPECT_EQ(scores.total[1], 0);
  const double a = images[2][0][0][0].item<float>(), b = images[2][1][0][0].item<float>();
  EXPECT_DOUBLE_EQ(scores.total[2], a + 3 * b);
  EXPECT_THAT(scores.terms[0], ElementsAre(0, 0, a));
  EXPECT_THAT(scores.terms[1], ElementsAre(0, 0, b));
}

TEST(RewardSum, ASumThatOverflowsIsInfinite) {
  const auto directory = testing::fresh_directory("overflow");
  testing::write_tiny_reward(directory, "", R"(
def forward(self, images, ids):
    r = (ids[:, 0] - 1).to(images.dtype) * 3e38
    return torch.stack([r, r], 1)
)");
  const auto sum = sum_of({"1e300 * " + directory.string()});
  const Scores scores = sum->score(three_images(), kThreePrompts);
  EXPECT_TRUE(std::isfinite(scores.total[0]));
  EXPECT_TRUE(std::isinf(scores.total[1]));
  EXPECT_TRUE(scores.valid[1]) << "who uses it decides";
}

TEST(MakeReward, TakesANameOrADirectory) {
  EXPECT_EQ(make_reward("brightness", at::kCPU)->name(), "brightness");
  EXPECT_THAT([] { make_reward("2 * brightness", at::kCPU); },
              ThrowsMessage<Error>(HasSubstr("neither a directory nor a built-in")));
}

}  // namespace
}  // namespace loopline::reward
