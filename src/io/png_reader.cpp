#include <algorithm>
#include <memory>

#include "image_readers.h"
#include "loopline/core/error.h"
#include "stb.h"

namespace loopline::io {

Image read_png(std::string_view bytes, const std::string& where) {
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const int length = static_cast<int>(bytes.size());
  Image image;
  int stored = 0;  // channels in the file
  if (stbi_info_from_memory(data, length, &image.width, &image.height, &stored) == 0) {
    throw Error(where, "not a PNG or JPEG image");
  }
  check_size(image.width, image.height, where);
  image.channels = stored == 2 ? 4 : stored;  // grey with alpha has no place in Image
  // stb inflates whatever is there, also gigabytes for one pixel. An image needs 8 bytes a pixel at
  // most and its lines' filters; stb's buffers grow by doubling.
  const std::size_t pixels = static_cast<std::size_t>(image.width) * image.height;
  const StbMemoryLimit limit(2 * std::max(bytes.size(), 8 * pixels + image.height) + (1 << 16));
  const std::unique_ptr<stbi_uc, void (*)(void*)> decoded(
      stbi_load_from_memory(data, length, &image.width, &image.height, &stored, image.channels),
      stbi_image_free);
  if (!decoded) throw Error(where, std::string("is damaged: ") + stbi_failure_reason());
  image.pixels.assign(decoded.get(), decoded.get() + pixels * image.channels);
  return image;
}

}  // namespace loopline::io
