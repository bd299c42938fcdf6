#include "loopline/core/error.h"

#include <algorithm>

namespace loopline {

namespace {

constexpr std::size_t kLongestPart = 1000;  // bytes

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

/// What is quoted may come from anyone's file: no line breaks, no escape sequences that a terminal
/// would obey, no pages of text.
std::string shown(const std::string& part) {
  std::size_t end = std::min(part.size(), kLongestPart);
  while (end > 0 && end < part.size() && (part[end] & 0xC0) == 0x80) --end;  // half a character
  std::string text = part.substr(0, end);
  if (end < part.size()) text += "...";
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {  // U+0080 to U+009F
    if (text[i] == '\xC2' && (text[i + 1] & 0xE0) == 0x80) text[i] = text[i + 1] = ' ';
  }
  return text;
}

}  // namespace

std::string Error::line(const std::string& where, const std::string& what,
                        const std::string& todo) {
  std::string text;
  if (!where.empty()) text.append(shown(where)).append(": ");
  text.append(shown(what));
  if (!todo.empty()) text.append("; ").append(shown(todo));
  return text;
}

namespace detail {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw std::logic_error(std::string(file) + ":" + std::to_string(line) +
                         ": check failed: " + condition + ": " + message);
}

}  // namespace detail

}  // namespace loopline
