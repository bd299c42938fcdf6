#include "loopline/io/event_file.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <system_error>

#include "loopline/core/error.h"
#include "loopline/io/crc32c.h"
#include "protobuf_writer.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNameBegin = "events.out.tfevents.";
constexpr std::size_t kSecondsDigits = 10;
constexpr std::uint64_t kMaxPngBytes = 512 << 20;

std::string masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return little_endian((crc >> 15 | crc << 17) + 0xA282EAD8U, 4);
}

double wall_time() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// The seconds in an event file's name; 0 for other names.
std::int64_t seconds_of(const std::string& name) {
  if (!name.starts_with(kNameBegin)) return 0;
  const std::string digits = name.substr(kNameBegin.size(), kSecondsDigits);
  const bool numeric = digits.size() == kSecondsDigits &&
                       digits.find_first_not_of("0123456789") == std::string::npos;
  return numeric ? std::stoll(digits) : 0;
}

/// A name behind all that are in `directory`, also within a second or after the clock was set back.
fs::path next_path(const fs::path& directory) try {
  make_directories(directory);
  auto seconds = static_cast<std::int64_t>(wall_time());
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    seconds = std::max(seconds, seconds_of(entry.path().filename().string()) + 1);
  }
  char name[80];
  std::snprintf(name, sizeof name, "%s%010lld.loopline.%lld", kNameBegin.data(),
                static_cast<long long>(seconds), static_cast<long long>(::getpid()));
  return directory / name;
} catch (const fs::filesystem_error& error) {
  throw failure(directory.string(), "cannot be read: " + error.code().message());
}

/// Event: wall_time = 1, step = 2; which one of the others `what` is, the caller adds.
ProtobufWriter event(std::int64_t step) {
  LOOPLINE_CHECK(step >= 0, "steps of events count from 0");
  ProtobufWriter event;
  event.real(1, wall_time()).integer(2, static_cast<std::uint64_t>(step));
  return event;
}

/// Event.summary = 5, whose one field is value = 1, repeated.
std::string summary_event(std::int64_t step, const std::vector<ProtobufWriter>& values) {
  ProtobufWriter summary;
  for (const ProtobufWriter& value : values) summary.message(1, value);
  return tf_record(event(step).message(5, summary).wire());
}

struct PngHeader {
  std::uint32_t width = 0, height = 0;
  std::uint64_t channels = 0;  ///< as Summary.Image.colorspace: 1 grey, 2 with alpha, 3 RGB, 4 RGBA
};

/// From IHDR, which begins every PNG file: length, name, width, height, bit depth, colour type.
PngHeader read_png_header(std::string_view png, const fs::path& file) {
  constexpr std::string_view kBegin("\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR", 16);
  if (!png.starts_with(kBegin) || png.size() < kBegin.size() + 10) {
    throw failure(file.string(), "is not a PNG image");
  }
  const auto big_endian = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      value = value << 8 | static_cast<unsigned char>(png[i]);
    }
    return value;
  };
  const int colour_type = png[25];
  const bool has_colour = (colour_type & 2) != 0;
  const bool has_alpha = (colour_type & 4) != 0;
  return {big_endian(16), big_endian(20), (has_colour ? 3U : 1U) + (has_alpha ? 1U : 0U)};
}

}  // namespace

std::string tf_record(std::string_view data) {
  const std::string length = little_endian(data.size(), 8);
  std::string record = length + masked_crc(length);
  record += data;
  return record + masked_crc(data);
}

EventFile::EventFile(const fs::path& directory) : path_(next_path(directory)), writer_(path_) {
  // Event.file_version = 3 comes first, and without a step.
  const ProtobufWriter version = ProtobufWriter().real(1, wall_time()).bytes(3, "brain.Event:2");
  writer_.write(tf_record(version.wire()));
}

void EventFile::session_start(std::int64_t step) {
  constexpr std::uint64_t kStart = 1;
  // Event.session_log = 7; SessionLog.status = 1.
  const ProtobufWriter log = ProtobufWriter().integer(1, kStart);
  writer_.write(tf_record(event(step).message(7, log).wire()));
}

void EventFile::scalars(std::int64_t step, const std::vector<Scalar>& values) {
  std::vector<ProtobufWriter> encoded;
  for (const Scalar& scalar : values) {
    // Summary.Value: tag = 1, simple_value = 2.
    encoded.push_back(ProtobufWriter().bytes(1, scalar.tag).real(2, scalar.value));
  }
  writer_.write(summary_event(step, encoded));
}

void EventFile::png(std::int64_t step, const std::string& tag, const fs::path& file) {
  const std::string bytes = read_file(file, kMaxPngBytes);
  const PngHeader header = read_png_header(bytes, file);
  // Summary.Image: height = 1, width = 2, colorspace = 3, encoded_image_string = 4.
  const ProtobufWriter image = ProtobufWriter()
                                   .integer(1, header.height)
                                   .integer(2, header.width)
                                   .integer(3, header.channels)
                                   .bytes(4, bytes);
  // Summary.Value: tag = 1, image = 4.
  writer_.write(summary_event(step, {ProtobufWriter().bytes(1, tag).message(4, image)}));
}

void EventFile::text(std::int64_t step, const std::string& tag, std::string_view markdown) {
  constexpr std::uint64_t kString = 7;       // DataType.DT_STRING
  constexpr std::uint64_t kTensorClass = 2;  // DataClass.DATA_CLASS_TENSOR
  // TensorProto: dtype = 1, tensor_shape = 2 (without dimensions: one string), string_val = 8.
  const ProtobufWriter tensor =
      ProtobufWriter().integer(1, kString).message(2, ProtobufWriter()).bytes(8, markdown);
  // SummaryMetadata: plugin_data = 1 (PluginData: plugin_name = 1), data_class = 4.
  const ProtobufWriter metadata =
      ProtobufWriter().message(1, ProtobufWriter().bytes(1, "text")).integer(4, kTensorClass);
  // Summary.Value: tag = 1, tensor = 8, metadata = 9.
  writer_.write(summary_event(
      step, {ProtobufWriter().bytes(1, tag).message(8, tensor).message(9, metadata)}));
}

}  // namespace loopline::io
