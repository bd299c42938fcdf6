#include <cstdlib>
#include <memory>

#include "jpeg_errors.h"
#include "loopline/core/error.h"
#include "loopline/io/image.h"

namespace loopline::io {
namespace {

/// A finished JPEG, in memory that libjpeg allocated with malloc.
struct JpegBytes {
  unsigned char* data = nullptr;
  unsigned long size = 0;
};

J_COLOR_SPACE colour_space(int channels) {
  return channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_EXT_RGBX;  // alpha unread
}

// Nothing here has a destructor: an error jumps out. Returns whether it went well; what was
// allocated is in `bytes` either way.
bool compress(const Image& image, int quality, JpegErrors& errors, JpegBytes& bytes) {
  jpeg_compress_struct encoder;
  encoder.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = escape_with_message;
  jpeg_create_compress(&encoder);
  if (setjmp(errors.escape) != 0) {
    jpeg_destroy_compress(&encoder);
    return false;
  }
  jpeg_mem_dest(&encoder, &bytes.data, &bytes.size);
  encoder.image_width = static_cast<JDIMENSION>(image.width);
  encoder.image_height = static_cast<JDIMENSION>(image.height);
  encoder.input_components = image.channels;
  encoder.in_color_space = colour_space(image.channels);
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, quality, /*force_baseline=*/TRUE);
  jpeg_start_compress(&encoder, /*write_all_tables=*/TRUE);
  const std::size_t stride = static_cast<std::size_t>(image.width) * image.channels;
  while (encoder.next_scanline < encoder.image_height) {
    auto* row = const_cast<JSAMPROW>(image.pixels.data() + encoder.next_scanline * stride);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  return true;
}

}  // namespace

std::string encode_jpeg(const Image& image, int quality) {
  LOOPLINE_CHECK(image.channels == 1 || image.channels == 3 || image.channels == 4,
                 "a JPEG is made of 1, 3 or 4 channels");
  LOOPLINE_CHECK(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height *
                                            static_cast<std::size_t>(image.channels),
                 "an image's pixels do not fit its size");
  JpegErrors errors;
  JpegBytes bytes;
  const bool done = compress(image, quality, errors, bytes);
  const std::unique_ptr<unsigned char, void (*)(void*)> owned(bytes.data, std::free);
  if (!done) throw failure("JPEG", "the image cannot be encoded", errors.message);
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

}  // namespace loopline::io
