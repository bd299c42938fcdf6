#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace loopline::io {

/// The safetensors format, strictly: u64 little-endian header length, JSON header, data. No
/// LibTorch here; loopline/tensor/tensor_file.h turns entries into tensors.

enum class DType { kBool, kU8, kI8, kI16, kI32, kI64, kF16, kBF16, kF32, kF64 };

std::string_view dtype_name(DType dtype);  ///< as in the format: "F32", "I64", ...
std::size_t dtype_size(DType dtype);       ///< bytes of one element

struct SafetensorsEntry {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< offset in the data section
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;
  std::uint64_t data_begin = 0;  ///< offset of the data section in the file
};

/// Parses and validates a header. `bytes` is the start of the file and holds at least the header;
/// `file_size` is the size of the whole file. Every violation (header over 100 MB, bad JSON,
/// duplicate or unknown keys, unknown dtype, shape and offsets that disagree, holes, overlaps,
/// trailing bytes) is an Error naming `where` and the tensor.
SafetensorsHeader parse_safetensors_header(std::string_view bytes, std::uint64_t file_size,
                                           const std::string& where);

/// Reads and validates the header of a file.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

/// A tensor to be written: `bytes` must stay alive and hold shape x dtype, row major, little
/// endian.
struct SafetensorsTensor {
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// Writes a file (in place: wrap in write_file_atomically when it replaces one). Entries are sorted
/// by descending alignment, then name; the header is padded to 8 bytes; same input, same bytes.
void write_safetensors(const std::filesystem::path& path,
                       const std::map<std::string, SafetensorsTensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace loopline::io
