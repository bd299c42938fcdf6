#include <gmock/gmock.h>

#include <cstdlib>

#include "io/io_testing.h"
#include "loopline/io/image.h"

namespace loopline::io {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kQuality = 95;

// Smooth in both directions, so that colours at half resolution lose little.
Image ramp(int side, int channels) {
  Image image{side, side, channels, {}};
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const int values[] = {4 * x, 4 * y, 128, x * y};
      for (int c = 0; c < channels; ++c) {
        image.pixels.push_back(static_cast<std::uint8_t>(values[c]));
      }
    }
  }
  return image;
}

Image without_alpha(const Image& image) {
  Image colours{image.width, image.height, 3, {}};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    if (i % 4 != 3) colours.pixels.push_back(image.pixels[i]);
  }
  return colours;
}

TEST(Jpeg, ReadsBackThePixels) {
  for (const int channels : {1, 3}) {
    const Image image = ramp(64, channels);
    const Image back = read_image(temporary("ramp.jpg", encode_jpeg(image, kQuality)));
    ASSERT_EQ(back.width, 64);
    ASSERT_EQ(back.height, 64);
    ASSERT_EQ(back.channels, channels);
    for (std::size_t i = 0; i < image.pixels.size(); ++i) {
      ASSERT_NEAR(back.pixels[i], image.pixels[i], 8) << channels << " channels, value " << i;
    }
  }
}

TEST(Jpeg, HasTheMarkersTablesAndSamplingOfQuality95) {
  const std::string bytes = encode_jpeg(ramp(64, 3), kQuality);
  EXPECT_THAT(bytes, StartsWith(std::string("\xFF\xD8\xFF\xE0\0\x10JFIF\0", 11)));
  EXPECT_EQ(bytes.substr(bytes.size() - 2), "\xFF\xD9");
  // The luminance table of ITU-T T.81, annex K (16 11 12 14 12 10 16 14 ... in zigzag order), at a
  // tenth of its values.
  EXPECT_THAT(bytes,
              HasSubstr(std::string("\xFF\xDB\0\x43\0\x02\x01\x01\x01\x01\x01\x02\x01", 13)));
  // A baseline frame, 64 x 64, luminance sampled twice as densely in both directions.
  EXPECT_THAT(bytes, HasSubstr(std::string("\xFF\xC0\0\x11\x08\0\x40\0\x40\x03\x01\x22", 12)));
}

// Sizes that PIL 12 (libjpeg-turbo 3.2) writes with save(..., "JPEG", quality=95).
TEST(Jpeg, IsAsLongAsThatOfPil) {
  EXPECT_EQ(encode_jpeg(noise(64, 64, 3), kQuality).size(), 5448U);
  EXPECT_EQ(encode_jpeg(noise(64, 64, 1), kQuality).size(), 4458U);
  EXPECT_EQ(encode_jpeg(noise(37, 21, 3), kQuality).size(), 1871U);
  EXPECT_EQ(encode_jpeg(ramp(64, 3), kQuality).size(), 1361U);
  const Image flat{64, 64, 3, std::vector<std::uint8_t>(64 * 64 * 3, 128)};
  EXPECT_EQ(encode_jpeg(flat, kQuality).size(), 689U);
}

TEST(Jpeg, IsShorterAtALowerQuality) {
  const Image image = noise(64, 64, 3);
  EXPECT_LT(encode_jpeg(image, 50).size(), encode_jpeg(image, kQuality).size());
}

TEST(Jpeg, LeavesAlphaOut) {
  const Image image = noise(33, 17, 4);
  EXPECT_EQ(encode_jpeg(image, kQuality), encode_jpeg(without_alpha(image), kQuality));
}

TEST(Jpeg, RefusesAnImageThatTheFormatCannotHold) {
  const int side = 65501;
  const Image image{side, 1, 1, std::vector<std::uint8_t>(side)};
  EXPECT_THAT(error_of([&] { encode_jpeg(image, kQuality); }), HasSubstr("65500"));
  EXPECT_THROW(encode_jpeg({2, 2, 3, {1, 2, 3}}, kQuality), std::logic_error);
}

}  // namespace
}  // namespace loopline::io
