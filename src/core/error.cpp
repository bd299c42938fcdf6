#include "loopline/core/error.h"

#include <algorithm>

namespace loopline {

std::string Error::line(const std::string& where, const std::string& what,
                        const std::string& todo) {
  std::string text = (where.empty() ? "" : where + ": ") + what + (todo.empty() ? "" : "; " + todo);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

namespace detail {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  throw std::logic_error(std::string(file) + ":" + std::to_string(line) +
                         ": check failed: " + condition + ": " + message);
}

}  // namespace detail

}  // namespace loopline
