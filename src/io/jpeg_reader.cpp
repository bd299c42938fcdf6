#include <jerror.h>

#include "image_readers.h"
#include "jpeg_errors.h"
#include "loopline/core/error.h"

namespace loopline::io {
namespace {

constexpr int kMaxScans = 100;  // a scan of some bytes may make the decoder walk over all pixels

// libjpeg goes on after damage and makes something up. Bytes between two segments harm nothing.
void escape_on_warning(j_common_ptr codec, int level) {
  if (level < 0 && codec->err->msg_code != JWRN_EXTRANEOUS_DATA) escape_with_message(codec);
}

void count_scans(j_common_ptr codec) {
  const auto* decoder = reinterpret_cast<j_decompress_ptr>(codec);
  if (decoder->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(codec->err);
  std::snprintf(errors->message, sizeof errors->message, "more than %d scans", kMaxScans);
  std::longjmp(errors->escape, 1);
}

/// Its functions return false after an error, whose text is in `message`; libjpeg jumps out of
/// them, so they own nothing.
class JpegDecoder {
 public:
  JpegDecoder() {
    codec_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = escape_with_message;
    errors_.manager.emit_message = escape_on_warning;
    errors_.message[0] = '\0';
  }
  ~JpegDecoder() { jpeg_destroy_decompress(&codec_); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  bool read_header(std::string_view bytes) {
    if (setjmp(errors_.escape) != 0) return false;
    jpeg_create_decompress(&codec_);
    progress_.progress_monitor = count_scans;
    codec_.progress = &progress_;
    jpeg_mem_src(&codec_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&codec_, TRUE);
    codec_.out_color_space = codec_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    return true;
  }

  bool read_pixels(Image& image) {
    if (setjmp(errors_.escape) != 0) return false;
    jpeg_start_decompress(&codec_);
    const std::size_t stride = static_cast<std::size_t>(image.width) * image.channels;
    while (codec_.output_scanline < codec_.output_height) {
      JSAMPROW row = image.pixels.data() + codec_.output_scanline * stride;
      jpeg_read_scanlines(&codec_, &row, 1);
    }
    jpeg_finish_decompress(&codec_);
    return true;
  }

  const jpeg_decompress_struct& codec() const { return codec_; }
  std::string message() const { return errors_.message; }

 private:
  jpeg_decompress_struct codec_{};
  jpeg_progress_mgr progress_{};
  JpegErrors errors_{};
};

}  // namespace

Image read_jpeg(std::string_view bytes, const std::string& where) {
  JpegDecoder decoder;
  if (!decoder.read_header(bytes)) throw Error(where, "is damaged: " + decoder.message());
  const auto& codec = decoder.codec();
  if (codec.num_components != 1 && codec.num_components != 3) {
    throw Error(where, "is a JPEG of " + std::to_string(codec.num_components) + " components",
                "save it in RGB or grey");
  }
  check_size(codec.image_width, codec.image_height, where);
  Image image;
  image.width = static_cast<int>(codec.image_width);
  image.height = static_cast<int>(codec.image_height);
  image.channels = codec.num_components;
  image.pixels.resize(static_cast<std::size_t>(image.width) * image.height * image.channels);
  if (!decoder.read_pixels(image)) throw Error(where, "is damaged: " + decoder.message());
  return image;
}

}  // namespace loopline::io
