#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace loopline::io {

/// The bytes of a file, or of memory. `read` may be asked for any range inside `size`.
struct ByteSource {
  std::uint64_t size = 0;
  std::function<std::string(std::uint64_t offset, std::uint64_t count)> read;
};

struct ZipEntry {
  std::string name;  ///< without the archive's folder: "code/__torch__.py"
  bool is_deflated = false;
  std::uint32_t crc = 0;          ///< CRC-32 of the content
  std::uint64_t size = 0;         ///< of the content
  std::uint64_t stored_size = 0;  ///< in the file
  std::uint64_t offset = 0;       ///< of the stored bytes
};

/// The entries of a zip file as LibTorch writes it, in the order of the file. Whatever two readers
/// of zip files could understand differently is an Error at `where`: bytes that belong to no entry,
/// entries that overlap, names that differ in case alone, headers that contradict each other,
/// encryption, other compression than deflate, comments, several disks. All names are in one
/// folder; a name has no "..", no back-slash and nothing unprintable.
std::vector<ZipEntry> read_zip_directory(const ByteSource& source, const std::string& where);

/// An entry's content, unpacked and checked against its CRC.
std::string read_zip_entry(const ByteSource& source, const ZipEntry& entry,
                           const std::string& where);

}  // namespace loopline::io
