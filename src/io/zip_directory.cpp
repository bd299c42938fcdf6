#include "zip_directory.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

#include "loopline/core/error.h"
#include "zip_inflate.h"

namespace loopline::io {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50, kDescriptor = 0x08074b50;
constexpr std::uint32_t kDirectoryHeader = 0x02014b50, kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr std::uint64_t kDirectoryHeaderBytes = 46, kLocalHeaderBytes = 30;
constexpr std::uint64_t kMaxDirectoryBytes = 64 << 20;
constexpr std::uint64_t kMax16 = 0xFFFF, kMax32 = 0xFFFFFFFF;
/// Sizes follow in a descriptor; names are UTF-8.
constexpr std::uint64_t kHasDescriptor = 0x0008, kKnownFlags = 0x0808;
constexpr std::uint64_t kStored = 0, kDeflated = 8;
constexpr std::uint64_t kZip64Extra = 0x0001;

std::uint64_t number(std::string_view bytes, std::uint64_t offset, int width) {
  std::uint64_t value = 0;
  for (int i = 0; i < width; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[offset + static_cast<std::uint64_t>(i)]);
    value |= static_cast<std::uint64_t>(byte) << (8 * i);
  }
  return value;
}

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(where, "not a loadable TorchScript file: " + what,
              "save it again with torch.jit.save");
}

struct Directory {
  std::uint64_t offset = 0, size = 0, count = 0;
};

/// The end record, in its 32-bit and its 64-bit form; each at its only possible place.
Directory find_directory(const ByteSource& source, const std::string& where) {
  if (source.size < kEndBytes) refuse(where, "no zip archive");
  const std::uint64_t end_offset = source.size - kEndBytes;
  const std::string end = source.read(end_offset, kEndBytes);
  if (number(end, 0, 4) != kEnd || number(end, 20, 2) != 0) {
    refuse(where, source.read(0, 2) == "PK" ? "a zip archive that is cut off or has bytes after "
                                              "its end"
                                            : "no zip archive");
  }
  Directory directory{number(end, 16, 4), number(end, 12, 4), number(end, 10, 2)};
  std::uint64_t directory_end = end_offset;
  bool is_valid = number(end, 4, 4) == 0 && number(end, 8, 2) == directory.count;
  if (end_offset >= kLocatorBytes + kEnd64Bytes &&
      number(source.read(end_offset - kLocatorBytes, 4), 0, 4) == kLocator64) {
    directory_end = end_offset - kLocatorBytes - kEnd64Bytes;
    const std::string end64 = source.read(directory_end, kEnd64Bytes + kLocatorBytes);
    const Directory small = directory;
    directory = {number(end64, 48, 8), number(end64, 40, 8), number(end64, 32, 8)};
    const auto agrees = [](std::uint64_t small, std::uint64_t large, std::uint64_t max) {
      return small == large || (small == max && large >= max);
    };
    is_valid = is_valid && number(end64, 0, 4) == kEnd64 && number(end64, 4, 8) == 44 &&
               number(end64, 16, 8) == 0 && number(end64, 24, 8) == directory.count &&
               number(end64, 60, 4) == 0 && number(end64, 64, 8) == directory_end &&
               number(end64, 72, 4) == 1 && agrees(small.count, directory.count, kMax16) &&
               agrees(small.size, directory.size, kMax32) &&
               agrees(small.offset, directory.offset, kMax32);
  }
  if (!is_valid || directory.offset > directory_end ||
      directory.size != directory_end - directory.offset || directory.size > kMaxDirectoryBytes ||
      directory.count > directory.size / kDirectoryHeaderBytes) {
    refuse(where, "the end of the zip archive contradicts itself");
  }
  return directory;
}

void check_name(std::string_view name, const std::string& where) {
  bool is_good = !name.empty() && name.front() != '/' && name.back() != '/';
  for (const char c : name) is_good = is_good && c >= 0x20 && c < 0x7F && c != '\\';
  std::string slashed{'/'};
  (slashed += name) += '/';
  for (const char* step : {"//", "/./", "/../"}) {
    is_good = is_good && slashed.find(step) == std::string::npos;
  }
  if (!is_good)
    refuse(where, "entry \"" + std::string(name) + "\" has no name that LibTorch writes");
}

/// An entry and what is needed to find it in the file.
struct Header {
  ZipEntry entry;
  std::string full_name;
  std::uint64_t flags = 0, offset = 0, end = 0;
};

/// Sizes and offset that do not fit into 32 bits stand in an extra field.
void read_extra(std::string_view extra, Header& header, const std::string& where) {
  std::vector<std::uint64_t*> wanted;
  for (std::uint64_t* field : {&header.entry.size, &header.entry.stored_size, &header.offset}) {
    if (*field == kMax32) wanted.push_back(field);
  }
  if (wanted.empty() && extra.empty()) return;
  const std::uint64_t bytes = 8 * wanted.size();
  if (extra.size() != bytes + 4 || wanted.empty() || number(extra, 0, 2) != kZip64Extra ||
      number(extra, 2, 2) != bytes) {
    refuse(where,
           "entry \"" + header.full_name + "\" has fields that LibTorch does " + "not write");
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) *wanted[i] = number(extra, 4 + 8 * i, 8);
}

/// Reads the header at `position` of the directory and moves `position` behind it.
Header read_directory_header(std::string_view directory, std::uint64_t& position,
                             const std::string& where) {
  const std::string_view bytes = directory.substr(position);
  if (bytes.size() < kDirectoryHeaderBytes || number(bytes, 0, 4) != kDirectoryHeader) {
    refuse(where, "the directory of the zip archive is damaged");
  }
  const std::uint64_t name_bytes = number(bytes, 28, 2), extra_bytes = number(bytes, 30, 2);
  if (bytes.size() - kDirectoryHeaderBytes < name_bytes + extra_bytes) {
    refuse(where, "the directory of the zip archive is damaged");
  }
  Header header;
  header.full_name = bytes.substr(kDirectoryHeaderBytes, name_bytes);
  header.flags = number(bytes, 8, 2);
  header.entry.is_deflated = number(bytes, 10, 2) == kDeflated;
  header.entry.crc = static_cast<std::uint32_t>(number(bytes, 16, 4));
  header.entry.stored_size = number(bytes, 20, 4);
  header.entry.size = number(bytes, 24, 4);
  header.offset = number(bytes, 42, 4);
  read_extra(bytes.substr(kDirectoryHeaderBytes + name_bytes, extra_bytes), header, where);

  const bool is_known = (header.flags & ~kKnownFlags) == 0 &&
                        (header.entry.is_deflated || number(bytes, 10, 2) == kStored) &&
                        number(bytes, 32, 2) == 0 && number(bytes, 34, 2) == 0;
  if (!is_known || (!header.entry.is_deflated && header.entry.size != header.entry.stored_size)) {
    refuse(where, "entry \"" + header.full_name +
                      "\" is encrypted, packed in an unknown way, or contradicts itself");
  }
  position += kDirectoryHeaderBytes + name_bytes + extra_bytes;
  return header;
}

/// Splits off the folder, which all entries share; LibTorch finds names without regard to case.
void read_names(std::vector<Header>& headers, const std::string& where) {
  const std::string& first = headers.front().full_name;
  const std::size_t slash = first.find('/');
  if (slash == 0 || slash == std::string::npos) {
    refuse(where, "entry \"" + first + "\" is in no folder");
  }
  const std::string folder = first.substr(0, slash + 1);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::any_of(folder.begin(), folder.end(), is_control)) {
    refuse(where, "folder \"" + folder + "\" has no name that LibTorch writes");
  }
  std::set<std::string> names;
  for (Header& header : headers) {
    if (header.full_name.compare(0, folder.size(), folder) != 0) {
      refuse(where, "entry \"" + header.full_name + "\" is in another folder than the " + "first");
    }
    header.entry.name = header.full_name.substr(folder.size());
    check_name(header.entry.name, where);
    std::string lower = header.entry.name;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!names.insert(lower).second) {
      refuse(where, "two entries are called \"" + header.entry.name + "\"");
    }
  }
}

/// The header before the data repeats the directory's; its sizes may be left to the descriptor.
void read_local_header(const ByteSource& source, Header& header, std::uint64_t limit,
                       const std::string& where) {
  const auto contradiction = [&] {
    refuse(where, "entry \"" + header.entry.name +
                      "\" lies outside the file, or its headers contradict each other");
  };
  const std::uint64_t name_bytes = header.full_name.size();
  if (header.offset > limit || limit - header.offset < kLocalHeaderBytes + name_bytes) {
    contradiction();
  }
  const std::string local = source.read(header.offset, kLocalHeaderBytes + name_bytes);
  const auto repeats = [&](std::uint64_t offset, std::uint64_t value) {
    const std::uint64_t field = number(local, offset, 4);
    return field == value || (field == 0 && (header.flags & kHasDescriptor) != 0) ||
           (field == kMax32 && value > kMax32);
  };
  const std::uint64_t method = header.entry.is_deflated ? kDeflated : kStored;
  if (number(local, 0, 4) != kLocalHeader || number(local, 6, 2) != header.flags ||
      number(local, 8, 2) != method || number(local, 26, 2) != name_bytes ||
      local.compare(kLocalHeaderBytes, name_bytes, header.full_name) != 0 ||
      !repeats(14, header.entry.crc) || !repeats(18, header.entry.stored_size) ||
      !repeats(22, header.entry.size)) {
    contradiction();
  }
  const std::uint64_t before = kLocalHeaderBytes + name_bytes + number(local, 28, 2);
  if (limit - header.offset < before || limit - header.offset - before < header.entry.stored_size) {
    contradiction();
  }
  header.entry.offset = header.offset + before;
  header.end = header.entry.offset + header.entry.stored_size;
}

/// Between the data of an entry and what follows lies its descriptor and nothing else.
void check_gap(const ByteSource& source, const Header& header, std::uint64_t next,
               const std::string& where) {
  bool is_good = next >= header.end;
  const std::uint64_t gap = is_good ? next - header.end : 0;
  if ((header.flags & kHasDescriptor) == 0) {
    is_good = is_good && gap == 0;
  } else {
    is_good = is_good && (gap == 16 || gap == 24);
    if (is_good) {
      const int width = gap == 16 ? 4 : 8;
      const std::string descriptor = source.read(header.end, gap);
      is_good =
          number(descriptor, 0, 4) == kDescriptor && number(descriptor, 4, 4) == header.entry.crc &&
          number(descriptor, 8, width) == header.entry.stored_size &&
          number(descriptor, static_cast<std::uint64_t>(8 + width), width) == header.entry.size;
    }
  }
  if (!is_good) {
    refuse(where, "after entry \"" + header.entry.name +
                      "\" the zip archive overlaps or has bytes that belong to no entry");
  }
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(const ByteSource& source, const std::string& where) {
  const Directory place = find_directory(source, where);
  const std::string directory = source.read(place.offset, place.size);
  std::vector<Header> headers;
  std::uint64_t position = 0;
  for (std::uint64_t i = 0; i < place.count; ++i) {
    headers.push_back(read_directory_header(directory, position, where));
  }
  if (position != directory.size()) refuse(where, "the directory of the zip archive is damaged");
  if (headers.empty()) refuse(where, "the zip archive is empty");
  read_names(headers, where);
  std::stable_sort(headers.begin(), headers.end(),
                   [](const Header& a, const Header& b) { return a.offset < b.offset; });
  if (headers.front().offset != 0) refuse(where, "the zip archive does not start with an entry");
  for (Header& header : headers) read_local_header(source, header, place.offset, where);
  std::vector<ZipEntry> entries;
  for (std::size_t i = 0; i < headers.size(); ++i) {
    const bool is_last = i + 1 == headers.size();
    check_gap(source, headers[i], is_last ? place.offset : headers[i + 1].offset, where);
    entries.push_back(headers[i].entry);
  }
  return entries;
}

std::string read_zip_entry(const ByteSource& source, const ZipEntry& entry,
                           const std::string& where) {
  std::string bytes = source.read(entry.offset, entry.stored_size);
  if (entry.is_deflated) {
    auto content = inflate(bytes, entry.size);
    if (!content) refuse(where, "entry \"" + entry.name + "\" is damaged");
    bytes = std::move(*content);
  }
  if (crc32(bytes) != entry.crc) refuse(where, "entry \"" + entry.name + "\" is damaged");
  return bytes;
}

}  // namespace loopline::io
