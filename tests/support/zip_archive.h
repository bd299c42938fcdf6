#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Zip files made by hand, byte for byte as LibTorch writes them, or nearly.
namespace loopline::io {

inline std::string little_endian_bytes(std::uint64_t value, int width) {
  std::string bytes;
  for (int i = 0; i < width; ++i) bytes += static_cast<char>(i < 8 ? value >> (8 * i) & 0xFF : 0);
  return bytes;
}

inline std::uint32_t crc_of(std::string_view bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1U ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

/// An entry of a zip file, with what a test may falsify.
struct TestEntry {
  std::string name, content;
  std::uint64_t method = 0, flags = 0x0808;
  std::string stored{};      ///< the bytes in the file; the content if empty
  std::string local_name{};  ///< in the header before the data; `name` if empty
  std::uint64_t size = UINT64_MAX, local_size = 0;
  std::string extra{};        ///< of the directory
  std::string junk_before{};  ///< between the entry before and this one
  std::uint32_t crc_change = 0;
};

struct TestArchive {
  std::vector<TestEntry> entries;
  std::string folder = "net";
  std::string before{}, after{}, comment{};
  bool has_64_bit_end = true;

  TestEntry& operator[](std::string_view name) {
    for (TestEntry& entry : entries) {
      if (entry.name == name) return entry;
    }
    entries.push_back({.name = std::string(name), .content = ""});
    return entries.back();
  }

  std::string bytes() const {
    std::string file = before, directory;
    for (const TestEntry& entry : entries) add(entry, file, directory);
    const auto number = [](std::uint64_t value, int width) {
      return little_endian_bytes(value, width);
    };
    const std::uint64_t begin = file.size(), count = entries.size();
    file += directory;
    const std::uint64_t end = file.size();
    if (has_64_bit_end) {
      file += "PK\x06\x06" + number(44, 8) + number(0x031e, 2) + number(45, 2) + number(0, 8) +
              number(count, 8) + number(count, 8) + number(directory.size(), 8) + number(begin, 8);
      file += "PK\x06\x07" + number(0, 4) + number(end, 8) + number(1, 4);
    }
    file += "PK\x05\x06" + number(0, 4) + number(count, 2) + number(count, 2) +
            number(directory.size(), 4) + number(begin, 4) + number(comment.size(), 2) + comment;
    return file + after;
  }

 private:
  void add(const TestEntry& entry, std::string& file, std::string& directory) const {
    const auto number = [](std::uint64_t value, int width) {
      return little_endian_bytes(value, width);
    };
    const std::string& stored = entry.stored.empty() ? entry.content : entry.stored;
    const std::uint64_t size = entry.size == UINT64_MAX ? entry.content.size() : entry.size;
    const std::string crc = number(crc_of(entry.content) ^ entry.crc_change, 4);
    const std::string sizes = number(stored.size(), 4) + number(size, 4);
    const std::string falsified =
        number(0, 4) + number(entry.local_size, 4) + number(entry.local_size, 4);
    const bool has_descriptor = (entry.flags & 8) != 0;
    const std::string name = folder + "/" + entry.name;
    const std::string local =
        folder + "/" + (entry.local_name.empty() ? entry.name : entry.local_name);
    file += entry.junk_before;
    const std::uint64_t offset = file.size();
    const std::string padding = "FB" + number(3, 2) + "ZZZ";
    file += "PK\x03\x04" + number(0, 2) + number(entry.flags, 2) + number(entry.method, 2) +
            number(0, 4) + (has_descriptor ? falsified : crc + sizes) + number(local.size(), 2) +
            number(padding.size(), 2) + local + padding + stored;
    if (has_descriptor) file += "PK\x07\x08" + crc + sizes;
    directory += "PK\x01\x02" + number(0, 4) + number(entry.flags, 2) + number(entry.method, 2) +
                 number(0, 4) + crc + sizes + number(name.size(), 2) +
                 number(entry.extra.size(), 2) + number(0, 10) + number(offset, 4) + name +
                 entry.extra;
  }
};

}  // namespace loopline::io
