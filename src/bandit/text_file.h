#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace loopline::bandit {

/// Where a CSV record ends: the place of its line break, or npos when `text` ends before. Line
/// breaks in quotes are part of a field; a quote opens only where a field begins. `delimiter` 0
/// stands for a comma and a tab alike. `is_open`: `text` ends inside quotes.
std::size_t end_of_record(std::string_view text, char delimiter, bool& is_open);

/// A text file read through one buffer, line by line or record by record. The buffer grows for a
/// long line, up to a limit; a longer line is an Error. A byte order mark is passed over.
class TextFile {
 public:
  TextFile(std::filesystem::path path, std::size_t buffer_bytes, std::size_t line_bytes);
  ~TextFile();
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;

  /// The next line, without its "\n" or "\r\n"; nothing at the end of the file. What is returned
  /// holds until the next call.
  std::optional<std::string_view> line();
  /// The next CSV record. The end of the file in quotes is an Error.
  std::optional<std::string_view> record(char delimiter);

  std::int64_t line_number() const { return first_line_; }  ///< of the first line of the last one
  std::size_t buffer_bytes() const { return buffer_.size(); }

 private:
  bool fill();
  std::string_view rest() const { return {buffer_.data() + begin_, end_ - begin_}; }
  std::string_view take(std::size_t size, bool has_break, std::int64_t lines);
  void check_length(std::size_t size) const;

  std::filesystem::path path_;
  int descriptor_;
  std::size_t line_bytes_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool is_at_end_ = false;
  std::int64_t first_line_ = 0, next_line_ = 1;
};

}  // namespace loopline::bandit
