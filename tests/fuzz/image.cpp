#include "loopline/io/image.h"

#include "fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace loopline;
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
