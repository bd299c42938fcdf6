#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "json_fields.h"
#include "loopline/core/error.h"
#include "loopline/io/safetensors.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr double kMaxInteger = 9007199254740992.0;  // 2^53: a JSON number that no reader rounds

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  }
  return value;
}

// The length of the JSON header, checked against the file's size.
std::uint64_t header_length(std::string_view bytes, std::uint64_t file_size,
                            const std::string& where) {
  if (file_size < kLengthBytes) throw Error(where, "too short for a safetensors file");
  const std::uint64_t length = little_endian(bytes);
  if (length > kMaxHeaderBytes) {
    throw Error(where, "not a safetensors file: it claims a header of " + std::to_string(length) +
                           " bytes");
  }
  if (length > file_size - kLengthBytes) {
    throw Error(where, "is cut off in its header, or no safetensors file");
  }
  return length;
}

DType read_tensor_dtype(JsonFields& fields) {
  static const auto words = [] {
    std::vector<std::pair<std::string, DType>> all;
    for (const DType dtype : {DType::kBool, DType::kU8, DType::kI8, DType::kI16, DType::kI32,
                              DType::kI64, DType::kF16, DType::kBF16, DType::kF32, DType::kF64}) {
      all.emplace_back(dtype_name(dtype), dtype);
    }
    return all;
  }();
  return fields.choice<DType>("dtype", words);
}

SafetensorsEntry read_entry(JsonFields fields, std::uint64_t data_size) {
  SafetensorsEntry entry;
  entry.dtype = read_tensor_dtype(fields);
  entry.shape = fields.shape("shape", between(0, kMaxInteger));
  const auto offsets = fields.integers("data_offsets", between(0, kMaxInteger));
  fields.finish();
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    fields.fail("data_offsets", "must be two numbers, begin and end");
  }
  entry.begin = static_cast<std::uint64_t>(offsets[0]);
  entry.end = static_cast<std::uint64_t>(offsets[1]);
  if (entry.end > data_size) {
    fields.fail("data_offsets", "ends at " + std::to_string(entry.end) + ", and the file holds " +
                                    std::to_string(data_size) + " bytes of data");
  }
  std::uint64_t bytes = dtype_size(entry.dtype);
  for (const std::int64_t size : entry.shape) {
    std::uint64_t product = 0;
    if (__builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &product)) {
      fields.fail("shape", "has more elements than 64 bits count");
    }
    bytes = product;
  }
  if (bytes != entry.end - entry.begin) {
    fields.fail("data_offsets", "spans " + std::to_string(entry.end - entry.begin) +
                                    " bytes, and dtype and shape need " + std::to_string(bytes));
  }
  return entry;
}

// The tensors must cover the data without hole, overlap or rest, in some order.
void check_tiling(const SafetensorsHeader& header, std::uint64_t data_size,
                  const std::string& where) {
  std::vector<std::pair<SafetensorsEntry, std::string>> order;
  for (const auto& [name, entry] : header.tensors) order.emplace_back(entry, name);
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  std::uint64_t position = 0;
  for (const auto& [entry, name] : order) {
    if (entry.begin != position) {
      throw Error(where, "tensor \"" + name + "\" begins at " + std::to_string(entry.begin) +
                             (entry.begin < position ? ", inside another one"
                                                     : ", which leaves a hole before it"));
    }
    position = entry.end;
  }
  if (position != data_size) {
    throw Error(where, std::to_string(data_size - position) + " bytes follow the last tensor");
  }
}

std::string system_reason() { return std::strerror(errno); }

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::uint64_t file_size,
                                           const std::string& where) {
  LOOPLINE_CHECK(bytes.size() >= std::min(file_size, kLengthBytes),
                 "the header was not read whole");
  const std::uint64_t length = header_length(bytes, file_size, where);
  LOOPLINE_CHECK(bytes.size() >= kLengthBytes + length, "the header was not read whole");
  const std::string_view text = bytes.substr(kLengthBytes, length);
  if (!text.starts_with('{'))
    throw Error(where, "not a safetensors file: its header is no JSON object");

  SafetensorsHeader header;
  header.data_begin = kLengthBytes + length;
  const std::uint64_t data_size = file_size - header.data_begin;
  const json parsed = parse_json(text, where);
  JsonFields fields(parsed, where);
  if (fields.has("__metadata__")) {
    JsonFields metadata = fields.object("__metadata__");
    for (const auto& item : fields.value("__metadata__").items()) {
      header.metadata.emplace(item.key(), metadata.any_text(item.key()));
    }
  }
  for (const auto& item : parsed.items()) {
    if (item.key() == "__metadata__") continue;
    const JsonFields entry(item.value(), where, "tensor \"" + item.key() + "\"");
    header.tensors.emplace(item.key(), read_entry(entry, data_size));
  }
  check_tiling(header, data_size, where);
  return header;
}

SafetensorsHeader read_safetensors_header(const fs::path& path) {
  const std::string where = path.string();
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) throw Error(where, "no such file");
  std::ifstream file(path, std::ios::binary);
  if (!file) throw failure(where, "cannot be opened: " + system_reason());
  const std::uint64_t size = fs::file_size(path);
  const auto read = [&](std::string& bytes, std::uint64_t count) {
    const std::size_t begin = bytes.size();
    bytes.resize(begin + count);
    file.read(bytes.data() + begin, static_cast<std::streamsize>(count));
    if (!file) throw failure(where, "cannot be read: " + system_reason());
  };
  std::string bytes;
  read(bytes, std::min(size, kLengthBytes));
  read(bytes, header_length(bytes, size, where));
  return parse_safetensors_header(bytes, size, where);
}

}  // namespace loopline::io
