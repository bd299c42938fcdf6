#include "loopline/reward/builtin_reward.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/tensor/pictures.h"

namespace loopline::reward {
namespace {

using ::testing::ElementsAre;

std::vector<double> totals(const std::string& name, const at::Tensor& images) {
  const std::vector<io::Prompt> prompts(static_cast<std::size_t>(images.size(0)),
                                        io::make_prompt("any"));
  return make_reward(name, at::kCPU)->score(images, prompts).total;
}

double total(const std::string& name, const at::Tensor& image) {
  return totals(name, image.unsqueeze(0)).front();
}

/// Values that a formula spreads over [0, 1].
at::Tensor pattern(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return at::sin(at::arange(count, at::kFloat) * 12.9898).reshape(shape) * 0.5 + 0.5;
}

/// A row of pixels from their channels' values.
at::Tensor row(std::vector<std::vector<float>> pixels) {
  std::vector<at::Tensor> columns;
  for (const auto& pixel : pixels) columns.push_back(at::tensor(pixel));
  return at::stack(columns, 1).unsqueeze(1);  // [C, 1, W]
}

class Builtin : public ::testing::TestWithParam<std::string> {};

TEST_P(Builtin, HasOneComponentOfItsNameForImagesOf1And3And4Channels) {
  const auto reward = make_reward(GetParam(), at::kCPU);
  EXPECT_EQ(reward->name(), GetParam());
  EXPECT_THAT(reward->component_names(), ElementsAre(GetParam()));
  for (const std::int64_t channels : {1, 3, 4}) {
    const Scores scores =
        reward->score(pattern({2, channels, 5, 9}), {io::make_prompt("a"), io::make_prompt("b")});
    ASSERT_EQ(scores.total.size(), 2U);
    ASSERT_EQ(scores.components.size(), 1U);
    EXPECT_EQ(scores.components[0].first, GetParam());
    EXPECT_EQ(scores.components[0].second, scores.total);
    EXPECT_THAT(scores.valid, ElementsAre(true, true));
    EXPECT_TRUE(scores.terms.empty());
  }
}

TEST_P(Builtin, GivesAnImageTheSameValueInAnyBatch) {
  const at::Tensor images = pattern({7, 3, 12, 10});
  const std::vector<double> together = totals(GetParam(), images);
  for (std::int64_t i = 0; i < 7; ++i) {
    EXPECT_EQ(total(GetParam(), images[i]), together[static_cast<std::size_t>(i)]) << i;
  }
}

TEST_P(Builtin, LeavesAlphaOut) {
  const at::Tensor image = pattern({4, 9, 7});
  EXPECT_EQ(total(GetParam(), image), total(GetParam(), image.narrow(0, 0, 3)));
}

TEST_P(Builtin, ReadsAnyLayoutInMemory) {
  const at::Tensor image = pattern({3, 9, 7});
  const at::Tensor channels_last = image.permute({1, 2, 0}).contiguous().permute({2, 0, 1});
  EXPECT_EQ(total(GetParam(), channels_last), total(GetParam(), image));
  EXPECT_EQ(total(GetParam(), image.to(at::kDouble)), total(GetParam(), image));
}

INSTANTIATE_TEST_SUITE_P(All, Builtin, ::testing::ValuesIn(builtin_reward_names()),
                         [](const auto& info) { return info.param; });

TEST(JpegReward, IsTheSizeAtQuality95InThousandBytes) {
  const at::Tensor image = pattern({3, 32, 48});
  const io::Image picture = tensor::to_images(image.unsqueeze(0)).front();
  const double kilobytes = static_cast<double>(io::encode_jpeg(picture, 95).size()) / 1000;
  EXPECT_EQ(total("jpeg_incompressibility", image), kilobytes);
  EXPECT_EQ(total("jpeg_compressibility", image), -kilobytes);
}

TEST(JpegReward, PrefersFlatImagesOrNoisyOnes) {
  const at::Tensor flat = at::full({3, 32, 32}, 0.3), noisy = pattern({3, 32, 32});
  EXPECT_GT(total("jpeg_compressibility", flat), total("jpeg_compressibility", noisy));
  EXPECT_LT(total("jpeg_incompressibility", flat), total("jpeg_incompressibility", noisy));
}

TEST(Brightness, IsTheMeanOfTheColours) {
  EXPECT_DOUBLE_EQ(total("brightness", row({{0.0F, 0.25F, 0.5F}, {1.0F, 0.75F, 0.5F}})), 0.5);
  EXPECT_DOUBLE_EQ(total("brightness", row({{0.25F}, {0.0F}, {0.5F}, {0.25F}})), 0.25);
  EXPECT_DOUBLE_EQ(total("brightness", row({{0.5F, 0.5F, 0.5F, 0.0F}})), 0.5);
}

TEST(Brightness, OfANonFiniteImageIsNotFinite) {
  EXPECT_TRUE(std::isnan(total("brightness", row({{0.5F, NAN, 0.5F}}))));
}

// By hand from rg = R - G, yb = (R + G) / 2 - B on 0..255.
TEST(Colourfulness, AgreesWithTheFormulaByHand) {
  // Red and green: rg = +-255, yb = 127.5 twice: std 255 and 0, means 0 and 127.5.
  EXPECT_DOUBLE_EQ(total("colourfulness", row({{1, 0, 0}, {0, 1, 0}})), 255 + 0.3 * 127.5);
  // Blue: rg = 0, yb = -255, no deviation.
  EXPECT_DOUBLE_EQ(total("colourfulness", row({{0, 0, 1}, {0, 0, 1}})), 0.3 * 255);
  // Red and black: rg = 255, 0; yb = 127.5, 0: deviations 127.5 and 63.75, and so are the means.
  EXPECT_DOUBLE_EQ(total("colourfulness", row({{1, 0, 0}, {0, 0, 0}})),
                   1.3 * std::sqrt(127.5 * 127.5 + 63.75 * 63.75));
}

TEST(Colourfulness, IsZeroOfGreyAndOfOneChannel) {
  EXPECT_EQ(total("colourfulness", row({{0.5F, 0.5F, 0.5F}, {1, 1, 1}, {0, 0, 0}})), 0);
  EXPECT_EQ(total("colourfulness", pattern({1, 8, 8})), 0);
}

}  // namespace
}  // namespace loopline::reward
