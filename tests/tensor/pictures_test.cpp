#include "loopline/tensor/pictures.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace loopline::tensor {
namespace {

TEST(Pictures, AnImageSurvivesTheWayToATensorAndBack) {
  for (const int channels : {1, 3, 4}) {
    io::Image image{16, 7, channels, {}};
    for (int i = 0; i < 16 * 7 * channels; ++i) {
      image.pixels.push_back(static_cast<std::uint8_t>(i * 37));
    }
    const at::Tensor values = tensor_from_image(image);
    ASSERT_EQ(values.sizes().vec(), (std::vector<std::int64_t>{channels, 7, 16}));
    EXPECT_EQ(values.scalar_type(), at::kFloat);
    // The pixel in row 2 and column 5, channel by channel.
    for (int c = 0; c < channels; ++c) {
      EXPECT_FLOAT_EQ(values[c][2][5].item<float>(),
                      static_cast<float>(image.pixels[(2 * 16 + 5) * channels + c]) / 255);
    }
    EXPECT_EQ(to_images(values.unsqueeze(0)).front().pixels, image.pixels);
  }
}

TEST(Pictures, ThreeChannelsRepeatGreyAndLeaveAlphaOut) {
  const at::Tensor values = at::arange(4 * 2 * 2, at::kFloat).reshape({4, 2, 2});
  EXPECT_TRUE(at::equal(as_three_channels(values), values.narrow(0, 0, 3)));
  const at::Tensor three = values.narrow(0, 0, 3), grey = values.narrow(0, 1, 1);
  EXPECT_TRUE(at::equal(as_three_channels(three), three));
  EXPECT_TRUE(at::equal(as_three_channels(grey), at::cat({grey, grey, grey})));
}

}  // namespace
}  // namespace loopline::tensor
