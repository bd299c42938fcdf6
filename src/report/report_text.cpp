#include "report_text.h"

#include <cmath>
#include <cstdio>
#include <sstream>

namespace loopline::report::summary {

std::string count_text(double value) {
  char digits[64];
  std::snprintf(digits, sizeof digits, "%.0f", value);
  std::string text = digits;
  const std::size_t first_digit = text.front() == '-' ? 1 : 0;
  for (std::size_t i = text.size(); i > first_digit + 3;) text.insert(i -= 3, ",");
  return text;
}

std::string score_text(double value, bool sign) {
  const double size = std::abs(value);
  if (size >= 999.95) return (sign && value > 0 ? "+" : "") + count_text(value);
  const int decimals = size < 9.9995 ? 3 : 1;
  char text[32];
  std::snprintf(text, sizeof text, sign ? "%+.*f" : "%.*f", decimals, value);
  return text;
}

std::string level_text(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string interval_text(const Json& interval) {
  if (interval["mean"].is_null()) return "-";
  const std::string mean = score_text(interval["mean"].get<double>());
  if (interval["low"].is_null() || interval["high"].is_null()) return mean;
  return mean + " [" + score_text(interval["low"].get<double>()) + ", " +
         score_text(interval["high"].get<double>()) + "]";
}

std::string listed(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == parts.size() ? " and " : ", ") + parts[i];
  }
  return text;
}

std::string wrapped(const std::string& text, int columns) {
  std::istringstream words(text);
  std::string lines;
  std::size_t width = 0;
  for (std::string word; words >> word;) {
    if (width > 0 && width + 1 + word.size() > static_cast<std::size_t>(columns)) {
      lines += "\n";
      width = 0;
    }
    if (width > 0) lines += " ";
    width += (width > 0 ? 1 : 0) + word.size();
    lines += word;
  }
  return lines + "\n";
}

}  // namespace loopline::report::summary
