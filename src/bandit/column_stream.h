#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace loopline::bandit {

/// One column of a file, read from its beginning to its end through a small buffer.
class ColumnStream {
 public:
  /// `descriptor` must stay open. Bytes `begin` .. `end` of the file are 8-byte values.
  ColumnStream(const std::filesystem::path& path, int descriptor, std::uint64_t begin,
               std::uint64_t end)
      : path_(path), descriptor_(descriptor), position_(begin), end_(end) {}

  /// The next value; there must be one.
  template <class Value>
  Value take() {
    static_assert(sizeof(Value) == 8);
    if (next_ == size_) fill();
    return std::bit_cast<Value>(buffer_[next_++]);
  }
  /// Appends the next `count` numbers.
  void take(std::size_t count, std::vector<double>& numbers) {
    numbers.resize(numbers.size() + count);
    read(std::as_writable_bytes(std::span(numbers).last(count)));
  }

 private:
  void read(std::span<std::byte> bytes);
  void fill();

  std::filesystem::path path_;
  int descriptor_;
  std::uint64_t position_, end_;
  std::vector<std::uint64_t> buffer_;
  std::size_t next_ = 0, size_ = 0;
};

}  // namespace loopline::bandit
