#include "loopline/io/image.h"

#include <algorithm>
#include <system_error>

#include "image_readers.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "stb.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxImageFileBytes = 512 << 20;
constexpr std::uint8_t kGapShade = 240;

std::uint8_t level(float value) {
  if (!(value > 0)) return 0;  // NaN as well
  return static_cast<std::uint8_t>(std::min(value, 1.0F) * 255.0F + 0.5F);
}

std::size_t byte_count(std::int64_t width, std::int64_t height, std::int64_t channels) {
  return static_cast<std::size_t>(width * height * channels);
}

// Copies `image` into `canvas` with its upper left corner at (left, top), enlarged.
void paste(Image& canvas, const Image& image, int left, int top, int zoom) {
  const int channels = image.channels;
  for (int y = 0; y < image.height * zoom; ++y) {
    const std::uint8_t* from = image.pixels.data() + byte_count(y / zoom, image.width, channels);
    std::uint8_t* to =
        canvas.pixels.data() +
        byte_count(static_cast<std::int64_t>(top + y) * canvas.width + left, 1, channels);
    for (int x = 0; x < image.width * zoom; ++x) {
      std::copy_n(from + byte_count(x / zoom, 1, channels), channels, to);
      to += channels;
    }
  }
}

}  // namespace

Image image_from_planar(const float* planar, int channels, int height, int width) {
  LOOPLINE_CHECK(channels == 1 || channels == 3 || channels == 4,
                 "an image has 1, 3 or 4 channels");
  const std::size_t plane = byte_count(width, height, 1);
  Image image{width, height, channels, std::vector<std::uint8_t>(plane * channels)};
  for (int c = 0; c < channels; ++c) {
    for (std::size_t i = 0; i < plane; ++i) {
      image.pixels[i * channels + c] = level(planar[c * plane + i]);
    }
  }
  return image;
}

Image image_grid(const std::vector<Image>& images, int columns, int zoom, int gap) {
  LOOPLINE_CHECK(!images.empty() && columns >= 1 && zoom >= 1 && gap >= 0, "nothing to lay out");
  const Image& first = images.front();
  const int count = static_cast<int>(images.size());
  columns = std::min(columns, count);
  const int rows = (count + columns - 1) / columns;
  const int step_x = first.width * zoom + gap;
  const int step_y = first.height * zoom + gap;
  Image grid;
  grid.width = columns * step_x - gap;
  grid.height = rows * step_y - gap;
  grid.channels = first.channels;
  grid.pixels.assign(byte_count(grid.width, grid.height, grid.channels), kGapShade);
  for (int i = 0; i < count; ++i) {
    LOOPLINE_CHECK(images[i].width == first.width && images[i].height == first.height &&
                       images[i].channels == first.channels,
                   "the images of a grid have one size");
    paste(grid, images[i], i % columns * step_x, i / columns * step_y, zoom);
  }
  return grid;
}

Image image_of_grid(const Image& grid, int columns, int rows, int index, int zoom, int gap) {
  const int width = grid.width + gap - columns * gap, height = grid.height + gap - rows * gap;
  if (width <= 0 || height <= 0 || width % (columns * zoom) != 0 || height % (rows * zoom) != 0) {
    throw failure("image grid",
                  "has not " + std::to_string(columns) + " x " + std::to_string(rows) + " images");
  }
  LOOPLINE_CHECK(index >= 0 && index < columns * rows, "no such image in the grid");
  Image image{width / columns / zoom, height / rows / zoom, grid.channels, {}};
  image.pixels.resize(byte_count(image.width, image.height, image.channels));
  const int left = index % columns * (image.width * zoom + gap);
  const int top = index / columns * (image.height * zoom + gap);
  std::uint8_t* to = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const std::int64_t from = static_cast<std::int64_t>(top + y * zoom) * grid.width + left;
      to = std::copy_n(grid.pixels.data() + byte_count(from + x * zoom, 1, image.channels),
                       image.channels, to);
    }
  }
  return image;
}

Image shrink(const Image& image, int width) {
  const int factor = (image.width + width - 1) / width;
  if (factor <= 1) return image;
  Image small{image.width / factor, std::max(1, image.height / factor), image.channels, {}};
  for (int y = 0; y < small.height; ++y) {
    for (int x = 0; x < small.width; ++x) {
      for (int c = 0; c < image.channels; ++c) {
        int sum = 0, count = 0;
        for (int v = y * factor; v < std::min((y + 1) * factor, image.height); ++v) {
          for (int u = x * factor; u < (x + 1) * factor; ++u, ++count) {
            sum += image.pixels[byte_count(static_cast<std::int64_t>(v) * image.width + u, 1,
                                           image.channels) +
                                static_cast<std::size_t>(c)];
          }
        }
        small.pixels.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
      }
    }
  }
  return small;
}

std::string encode_png(const Image& image) {
  const std::size_t size = byte_count(image.width, image.height, image.channels);
  LOOPLINE_CHECK(image.width > 0 && image.height > 0 && image.pixels.size() == size,
                 "an image's pixels do not fit its size");
  std::string bytes;
  const auto append = [](void* to, void* data, int count) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data),
                                          static_cast<std::size_t>(count));
  };
  const int written =
      stbi_write_png_to_func(append, &bytes, image.width, image.height, image.channels,
                             image.pixels.data(), image.width * image.channels);
  if (written == 0) throw failure("PNG", "the image cannot be encoded");
  return bytes;
}

void write_png(const fs::path& path, const Image& image) {
  write_file_atomically(path, encode_png(image));
}

void check_size(std::int64_t width, std::int64_t height, const std::string& where) {
  if (width * height > kMaxPixels) throw Error(where, "is larger than 64 megapixels");
}

Image read_image(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) throw Error(path.string(), "no such file");
  const std::string bytes = read_file(path, kMaxImageFileBytes);
  const bool is_jpeg = bytes.starts_with("\xFF\xD8\xFF");
  return is_jpeg ? read_jpeg(bytes, path.string()) : read_png(bytes, path.string());
}

}  // namespace loopline::io
