#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace loopline::io {

/// An 8-bit image, row major, channels interleaved (1, 3 or 4).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 3;
  std::vector<std::uint8_t> pixels;  ///< height x width x channels
};

/// From one image of floats in [0, 1], planar [channels, height, width] (values outside are
/// clamped, rounded to the nearest of 256 levels).
Image image_from_planar(const float* planar, int channels, int height, int width);

/// Images of one size laid out in rows of `columns`, each pixel repeated `zoom` times, with a light
/// gap of `gap` pixels between them.
Image image_grid(const std::vector<Image>& images, int columns, int zoom = 1, int gap = 2);

/// The reverse: the `index`-th image of a grid of `columns` x `rows` images, at its own size. A
/// grid of another geometry is an Error (exit 1).
Image image_of_grid(const Image& grid, int columns, int rows, int index, int zoom = 1, int gap = 2);

/// Made smaller by averaging whole pixels until it is at most `width` wide; a smaller one stays.
Image shrink(const Image& image, int width);

/// The bytes of a PNG.
std::string encode_png(const Image& image);

/// Writes a PNG atomically.
void write_png(const std::filesystem::path& path, const Image& image);

/// The bytes of a baseline JPEG with libjpeg's defaults at `quality` (1 to 100): colours at half
/// resolution, standard Huffman tables. One channel makes a grey JPEG; alpha is left out. An image
/// that JPEG cannot hold (a side over 65500 pixels) is an Error (exit 1).
std::string encode_jpeg(const Image& image, int quality);

/// Reads PNG or JPEG (by content). Images over 64 megapixels, damaged ones and JPEGs that are
/// neither grey nor RGB are Errors.
Image read_image(const std::filesystem::path& path);

}  // namespace loopline::io
