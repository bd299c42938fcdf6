#include "loopline/io/image.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <jpeglib.h>

#include "io/io_testing.h"

namespace loopline::io {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

TEST(ImageFromPlanar, InterleavesClampsAndRounds) {
  const std::vector<float> planar = {0.0F,         1.0F,         -3.0F,      2.0F,        // red
                                     0.5F,         1.0F / 255,   0.4F / 255, 0.6F / 255,  // green
                                     254.4F / 255, 254.6F / 255, NAN,        INFINITY};   // blue
  const Image image = image_from_planar(planar.data(), 3, 2, 2);
  EXPECT_EQ(image.width, 2);
  EXPECT_EQ(image.height, 2);
  EXPECT_THAT(image.pixels, ElementsAre(0, 128, 254, 255, 1, 255, 0, 0, 0, 255, 1, 255));
}

TEST(ImageGrid, LaysOutZoomsAndLeavesGaps) {
  const Image a{2, 1, 1, {1, 2}}, b{2, 1, 1, {3, 4}}, c{2, 1, 1, {5, 6}};
  const Image grid = image_grid({a, b, c}, 2, 2, 1);
  EXPECT_EQ(grid.width, 9);
  EXPECT_EQ(grid.height, 5);
  const std::uint8_t g = 240;
  EXPECT_THAT(grid.pixels, ElementsAreArray<std::uint8_t>({
                               1, 1, 2, 2, g, 3, 3, 4, 4,  //
                               1, 1, 2, 2, g, 3, 3, 4, 4,  //
                               g, g, g, g, g, g, g, g, g,  //
                               5, 5, 6, 6, g, g, g, g, g,  //
                               5, 5, 6, 6, g, g, g, g, g,
                           }));
}

TEST(ImageGrid, IsNoWiderThanItsImages) {
  const Image grid = image_grid({noise(3, 2, 3), noise(3, 2, 3)}, 8);
  EXPECT_EQ(grid.width, 8);
  EXPECT_EQ(grid.height, 2);
  EXPECT_THROW(image_grid({noise(3, 2, 3), noise(2, 3, 3)}, 2), std::logic_error);
}

TEST(ImageGrid, GivesBackItsImages) {
  std::vector<Image> images;
  for (int i = 0; i < 6; ++i) images.push_back(noise(5, 4, 3));
  images[4].pixels[7] ^= 0xFF;
  const Image grid = image_grid(images, 2, 3, 2);
  for (int i = 0; i < 6; ++i) {
    const Image image = image_of_grid(grid, 2, 3, i, 3, 2);
    EXPECT_EQ(image.width, 5);
    EXPECT_EQ(image.height, 4);
    EXPECT_EQ(image.pixels, images[static_cast<std::size_t>(i)].pixels) << i;
  }
  EXPECT_THROW(image_of_grid(grid, 4, 3, 0, 3, 2), Error);
}

TEST(Shrink, AveragesWholePixels) {
  const Image image{4, 2, 1, {0, 10, 100, 101, 20, 30, 102, 104}};
  const Image small = shrink(image, 2);
  EXPECT_EQ(small.width, 2);
  EXPECT_EQ(small.height, 1);
  EXPECT_THAT(small.pixels, ElementsAre(15, 102));  // 15, 101.75
  EXPECT_EQ(shrink(image, 4).pixels, image.pixels);
  EXPECT_EQ(shrink(noise(100, 7, 3), 99).width, 50);
}

TEST(Png, RoundTrips) {
  for (const int channels : {1, 3, 4}) {
    const auto path = temporary("image.png", "");
    const Image image = noise(37, 21, channels);
    write_png(path, image);
    EXPECT_EQ(content(path).substr(0, 8), "\x89PNG\r\n\x1A\n");
    const Image back = read_image(path);
    EXPECT_EQ(back.width, 37);
    EXPECT_EQ(back.height, 21);
    EXPECT_EQ(back.channels, channels);
    EXPECT_EQ(back.pixels, image.pixels);
  }
}

// A JPEG written by libjpeg: one row, the same value in all components of a pixel. `scans`: of a
// progressive one.
std::string jpeg(std::vector<std::uint8_t> row, int components = 1,
                 const std::vector<jpeg_scan_info>& scans = {}) {
  jpeg_compress_struct writer;
  jpeg_error_mgr errors;
  writer.err = jpeg_std_error(&errors);
  jpeg_create_compress(&writer);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&writer, &bytes, &size);
  writer.image_width = static_cast<JDIMENSION>(row.size());
  writer.image_height = 1;
  writer.input_components = components;
  writer.in_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&writer);
  jpeg_set_quality(&writer, 100, TRUE);
  if (!scans.empty()) {
    writer.scan_info = scans.data();
    writer.num_scans = static_cast<int>(scans.size());
  }
  jpeg_start_compress(&writer, TRUE);
  std::vector<std::uint8_t> pixels;
  for (const std::uint8_t value : row) pixels.insert(pixels.end(), components, value);
  JSAMPROW line = pixels.data();
  jpeg_write_scanlines(&writer, &line, 1);
  jpeg_finish_compress(&writer);
  jpeg_destroy_compress(&writer);
  const std::string result(reinterpret_cast<char*>(bytes), size);
  std::free(bytes);
  return result;
}

TEST(ReadImage, ReadsJpegByContent) {
  std::vector<std::uint8_t> row;
  for (int i = 0; i < 16; ++i) row.push_back(static_cast<std::uint8_t>(16 * i));
  const Image image = read_image(temporary("picture.dat", jpeg(row)));
  EXPECT_EQ(image.width, 16);
  EXPECT_EQ(image.height, 1);
  EXPECT_EQ(image.channels, 1);
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(image.pixels[i], row[i], 3) << i;
}

// A scan for each coefficient, then one for the last bit of each as long as `count` allows.
std::vector<jpeg_scan_info> single_coefficients(int count) {
  std::vector<jpeg_scan_info> scans;
  for (const int low : {1, 0}) {
    for (int k = 0; k < 64 && static_cast<int>(scans.size()) < count; ++k) {
      scans.push_back({1, {0}, k, k, low == 1 ? 0 : 1, low});
    }
  }
  return scans;
}

TEST(ReadImage, BoundsTheScansOfAProgressiveJpeg) {
  const std::vector<std::uint8_t> row = {0, 60, 120, 255};
  const Image image = read_image(temporary("x.jpg", jpeg(row, 1, single_coefficients(100))));
  EXPECT_EQ(image.width, 4);
  EXPECT_THAT(
      error_of([&] { read_image(temporary("x.jpg", jpeg(row, 1, single_coefficients(101)))); }),
      HasSubstr("is damaged: more than 100 scans"));
}

TEST(ReadImage, RefusesDamagedAndForeignJpegs) {
  const std::vector<std::uint8_t> row(200, 77);
  const std::string bytes = jpeg(row, 3);
  const auto refused = [](const std::string& content) {
    return error_of([&] { read_image(temporary("x.jpg", content)); });
  };
  EXPECT_EQ(read_image(temporary("x.jpg", bytes)).channels, 3);
  EXPECT_THAT(refused(bytes.substr(0, bytes.size() - 20)), HasSubstr("x.jpg: is damaged: "));
  EXPECT_THAT(refused(bytes.substr(0, 40)), HasSubstr("x.jpg: is damaged: "));
  EXPECT_THAT(refused(jpeg(row, 4)),
              HasSubstr("is a JPEG of 4 components; save it in RGB or grey"));
  std::string huge = bytes;
  huge.replace(huge.find("\xFF\xC0") + 5, 4, std::string("\xF0\0\xF0\0", 4));
  EXPECT_THAT(refused(huge), HasSubstr("larger than 64 megapixels"));
}

// stb inflated all that a PNG holds, gigabytes for one pixel.
TEST(ReadImage, InflatesNoMoreThanTheImageNeeds) {
  const Image zeros{4000, 1000, 1, std::vector<std::uint8_t>(4'000'000)};
  const auto path = temporary("bomb.png", "");
  write_png(path, zeros);
  EXPECT_EQ(read_image(path).pixels, zeros.pixels);
  std::string bytes = content(path);
  bytes.replace(16, 8, std::string("\0\0\0\1\0\0\0\1", 8));
  temporary("bomb.png", bytes);
  EXPECT_THAT(error_of([&] { read_image(path); }), HasSubstr("is damaged: outofmem"));
}

TEST(ReadImage, RefusesWhatIsNoImage) {
  EXPECT_THAT(error_of([] { read_image("absent.png"); }), HasSubstr("absent.png: no such file"));
  EXPECT_THAT(error_of([] { read_image(temporary("x.png", "")); }), HasSubstr("not a PNG or JPEG"));
  EXPECT_THAT(error_of([] { read_image(temporary("x.png", "GIF89a......")); }),
              HasSubstr("not a PNG or JPEG"));
  const auto path = temporary("cut.png", "");
  write_png(path, noise(64, 64, 3));
  const std::string bytes = content(path);
  temporary("cut.png", bytes.substr(0, 200));
  EXPECT_THAT(error_of([&] { read_image(path); }), HasSubstr("is damaged"));
  std::string huge = bytes;
  huge.replace(16, 8, std::string("\0\0\x23\x28\0\0\x23\x28", 8));  // 9000 x 9000
  temporary("cut.png", huge);
  EXPECT_THAT(error_of([&] { read_image(path); }), HasSubstr("larger than 64 megapixels"));
}

}  // namespace
}  // namespace loopline::io
