#include "text_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::bandit {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

std::size_t end_of_record(std::string_view text, char delimiter, bool& is_open) {
  bool begins_field = true;
  is_open = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_open) {
      is_open = c != '"';  // of two quotes in a row the second opens again
      begins_field = c == '"';
    } else if (c == '\n') {
      return i;
    } else if (c == '"' && begins_field) {
      is_open = true;
    } else {
      begins_field = c == delimiter || (delimiter == 0 && (c == ',' || c == '\t'));
    }
  }
  return std::string_view::npos;
}

TextFile::TextFile(std::filesystem::path path, std::size_t buffer_bytes, std::size_t line_bytes)
    : path_(std::move(path)),
      descriptor_(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)),
      line_bytes_(line_bytes),
      buffer_(std::max(buffer_bytes, kByteOrderMark.size())) {
  if (descriptor_ < 0) {
    throw failure(path_.string(), std::string("cannot be read: ") + std::strerror(errno));
  }
  fill();
  if (rest().starts_with(kByteOrderMark)) begin_ = kByteOrderMark.size();
}

TextFile::~TextFile() { ::close(descriptor_); }

// Fills the buffer behind what is left; false at the end of the file.
bool TextFile::fill() {
  if (is_at_end_) return false;
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= std::exchange(begin_, 0);
  if (end_ == buffer_.size()) {
    check_length(end_);
    // A line at the limit, its line break, and one more byte to know that it is longer.
    buffer_.resize(std::min(2 * buffer_.size(), line_bytes_ + 3));
  }
  while (end_ < buffer_.size()) {
    const ssize_t got = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw failure(path_.string(), std::string("cannot be read: ") + std::strerror(errno));
    }
    is_at_end_ = got == 0;
    if (is_at_end_) break;
    end_ += static_cast<std::size_t>(got);
  }
  return true;
}

void TextFile::check_length(std::size_t size) const {
  if (size <= line_bytes_ + 2) return;
  throw Error(path_.string() + ":" + std::to_string(next_line_),
              "a row of more than " + human_bytes(static_cast<double>(line_bytes_)),
              "is a quote left open, or is this no text?");
}

std::string_view TextFile::take(std::size_t size, bool has_break, std::int64_t lines) {
  std::string_view taken = rest().substr(0, size);
  begin_ += size + (has_break ? 1 : 0);
  first_line_ = std::exchange(next_line_, next_line_ + lines);
  if (taken.ends_with('\r')) taken.remove_suffix(1);
  return taken;
}

std::optional<std::string_view> TextFile::line() {
  for (std::size_t searched = 0;;) {
    const std::string_view text = rest();
    const std::size_t end = text.find('\n', searched);
    if (end != std::string_view::npos) return take(end, true, 1);
    searched = text.size();
    if (fill()) continue;
    if (text.empty()) return std::nullopt;
    return take(text.size(), false, 1);
  }
}

std::optional<std::string_view> TextFile::record(char delimiter) {
  for (std::size_t searched = 0;;) {
    const std::string_view text = rest();
    const std::size_t end = text.find('\n', searched);
    if (end != std::string_view::npos || is_at_end_) {
      const std::string_view line = text.substr(0, end);
      if (line.find('"') == std::string_view::npos) {
        if (end == std::string_view::npos && line.empty()) return std::nullopt;
        return take(line.size(), end != std::string_view::npos, 1);
      }
      bool is_open = false;
      const std::size_t record_end = end_of_record(text, delimiter, is_open);
      if (record_end != std::string_view::npos || (is_at_end_ && !is_open)) {
        const std::string_view record = text.substr(0, record_end);
        const auto breaks = std::count(record.begin(), record.end(), '\n');
        return take(record.size(), record_end != std::string_view::npos, 1 + breaks);
      }
      if (is_at_end_) {
        throw Error(path_.string() + ":" + std::to_string(next_line_),
                    "a quote is open at the end of the file", "is the file cut off?");
      }
    }
    searched = end == std::string_view::npos ? text.size() : end;
    fill();
  }
}

}  // namespace loopline::bandit
