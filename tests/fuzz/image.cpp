#include "loopline/io/image.h"

#include <algorithm>

#include "fuzzing.h"

namespace {

using namespace loopline;

constexpr std::int64_t kMostPixels = 1 << 18;

// Whether some frame header of a JPEG announces an image that costs the fuzzer seconds. The limits
// of the reader have tests of their own.
bool announces_large_jpeg(const std::uint8_t* data, std::size_t size) {
  for (std::size_t i = 0; i + 8 < size; ++i) {
    if (data[i] != 0xFF || data[i + 1] < 0xC0 || data[i + 1] > 0xC2) continue;
    const std::int64_t height = data[i + 5] << 8 | data[i + 6];
    const std::int64_t width = data[i + 7] << 8 | data[std::min(i + 8, size - 1)];
    if (height * width > kMostPixels) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (announces_large_jpeg(data, size)) return 0;
  const auto file = fuzz::scratch_file("image", fuzz::text_of(data, size));
  io::Image image;
  if (!fuzz::accepts([&] { image = io::read_image(file); })) return 0;
  const std::int64_t pixels = std::int64_t{image.width} * image.height;
  fuzz::require(image.pixels.size() == static_cast<std::size_t>(pixels * image.channels),
                "an image has its pixels");
  if (pixels > 4096) return 0;
  io::encode_jpeg(image, 80);
  io::write_png(fuzz::scratch_directory() / "again.png", image);
  const io::Image again = io::read_image(fuzz::scratch_directory() / "again.png");
  fuzz::require(again.pixels == image.pixels, "a PNG is lossless");
  return 0;
}
