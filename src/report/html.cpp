#include "loopline/report/html.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace loopline::report::page {
namespace {

std::string escaped(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\'':
      return "&#39;";
    default:
      return {c == '\n' || static_cast<unsigned char>(c) >= ' ' ? c : ' '};
  }
}

}  // namespace

std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) result += escaped(c);
  return result;
}

std::string breakable(std::string_view name) {
  std::string result;
  for (const char c : name) {
    result += escaped(c);
    if (c == '_' || c == '-' || c == '/') result += "<wbr>";
  }
  return result;
}

std::string element(const std::string& tag, const std::string& attributes,
                    const std::string& content) {
  std::string result = "<" + tag;
  if (!attributes.empty()) result += " " + attributes;
  return result + ">" + content + "</" + tag + ">";
}

std::string element(const std::string& tag, const std::string& content) {
  return element(tag, "", content);
}

std::string decimal(double value, int decimals, bool sign) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", decimals, std::abs(value));
  std::string digits = buffer;
  const bool zero = digits.find_first_of("123456789") == std::string::npos;
  const std::size_t point = std::min(digits.find('.'), digits.size());
  for (std::size_t at = point; at > 3; at -= 3) digits.insert(at - 3, ",");
  if (zero) return digits;
  std::string result = value < 0 ? "−" : sign ? "+" : "";
  return result.append(digits);
}

int decimals_for(double largest) {
  if (largest >= 1000) return 0;
  if (largest >= 100) return 1;
  if (largest >= 10) return 2;
  if (largest >= 0.01 || largest == 0) return 3;
  return std::min(9, 2 + static_cast<int>(std::ceil(-std::log10(largest))));
}

std::string count(double value) {
  return decimal(value, value == std::floor(value) || std::abs(value) >= 100 ? 0 : 1);
}

std::string shortest(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

const Json* find(const Json& json, const std::vector<std::string>& path) {
  const Json* at = &json;
  for (const std::string& key : path) {
    if (!at->is_object()) return nullptr;
    const auto entry = at->find(key);
    if (entry == at->end()) return nullptr;
    at = &*entry;
  }
  return at->is_null() ? nullptr : at;
}

std::optional<double> number(const Json* json) {
  if (json == nullptr || !json->is_number()) return std::nullopt;
  const auto value = json->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<Estimate> estimate(const Json* json) {
  if (json == nullptr) return std::nullopt;
  const std::optional<double> mean = number(find(*json, {"mean"}));
  if (!mean) return std::nullopt;
  return Estimate{*mean, number(find(*json, {"low"})), number(find(*json, {"high"}))};
}

std::string text(const Json* json) {
  return json != nullptr && json->is_string() ? json->get<std::string>() : "";
}

std::vector<std::string> texts(const Json* json) {
  std::vector<std::string> result;
  if (json == nullptr || !json->is_array()) return result;
  for (const Json& entry : *json) {
    result.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
  }
  return result;
}

}  // namespace loopline::report::page
