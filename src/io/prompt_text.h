#pragma once

#include <string>

namespace loopline::io {

/// Without white space at both ends.
inline std::string trimmed(const std::string& text) {
  constexpr char kSpace[] = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace loopline::io
