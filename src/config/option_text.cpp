#include "option_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <sstream>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::config {
namespace {

// Words that a YAML reader, of this or of another version, takes for something else than text.
bool is_yaml_word(std::string_view text) {
  std::string lower;
  for (const char c : text) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const char* word :
       {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "inf", "nan"}) {
    if (lower == word) return true;
  }
  return false;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_safe_plain(std::string_view text) {
  if (text.empty() || is_yaml_word(text)) return false;
  if (!is_letter(text[0]) && text[0] != '_' && text[0] != '/') return false;
  for (const char c : text) {
    if (!is_letter(c) && !is_digit(c) && c != '_' && c != '/' && c != '.' && c != '-' && c != '+') {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string type_text(OptionType type) {
  switch (type) {
    case OptionType::kBool:
      return "true or false";
    case OptionType::kInteger:
      return "a whole number";
    case OptionType::kNumber:
      return "a number";
    case OptionType::kText:
      return "text";
    case OptionType::kTextList:
      return "a list of texts";
    case OptionType::kIntegerList:
      return "a list of whole numbers";
    case OptionType::kNumberList:
      return "a list of numbers";
  }
  LOOPLINE_CHECK(false, "unknown option type");
}

std::string legal_text(const OptionInfo& info) {
  if (!info.choices.empty()) return "one of " + join(info.choices);
  const bool has_minimum = std::isfinite(info.minimum);
  const bool has_maximum = std::isfinite(info.maximum);
  const std::string low = yaml_text(info.minimum);
  const std::string high = yaml_text(info.maximum);
  std::string text;
  if (info.exclusive_minimum && has_minimum) {
    text = "greater than " + low;
    if (has_maximum) text += " and at most " + high;
  } else if (has_minimum && has_maximum) {
    text = "from " + low + " to " + high;
  } else if (has_minimum) {
    text = "at least " + low;
  } else if (has_maximum) {
    text = "at most " + high;
  }
  if (info.infinity_is_legal) text += text.empty() ? ".inf is legal" : ", .inf is legal";
  return text;
}

std::string yaml_text(bool value) { return value ? "true" : "false"; }

std::string yaml_text(std::int64_t value) { return std::to_string(value); }

std::string yaml_text(double value) {
  LOOPLINE_CHECK(!std::isnan(value), "an option cannot be NaN");
  if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
  // Readers of YAML 1.1, Python's among them, take an exponent for text unless it has a sign and a
  // point stands before it: 1.0e-05.
  const double size = std::abs(value);
  const bool is_fixed = value == 0 || (size >= 1e-4 && size < 1e15);
  std::array<char, 40> buffer;
  const auto result =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                    is_fixed ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer.data(), result.ptr);
  if (!is_fixed && text.find('.') == std::string::npos) text.insert(text.find('e'), ".0");
  return text;
}

std::string yaml_text(const std::string& value) {
  if (is_safe_plain(value)) return value;
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string text = "\"";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      text += "\\x";
      text += kHex[byte >> 4];
      text += kHex[byte & 15];
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > width) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

}  // namespace loopline::config
