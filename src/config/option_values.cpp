#include "option_values.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPath = 4096;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void check_range(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                 double value) {
  const bool low = info.exclusive_minimum ? value <= info.minimum : value < info.minimum;
  if (low || value > info.maximum) {
    throw Error(tree.place, path + " is " + tree.scalar + ", and must be " + legal_text(info));
  }
}

bool is_decimal_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

}  // namespace

std::string found_text(const ConfigTree& tree) {
  constexpr std::size_t kMaxShown = 60;
  switch (tree.kind) {
    case ConfigTree::Kind::kNull:
      return "nothing";
    case ConfigTree::Kind::kList:
      return "a list";
    case ConfigTree::Kind::kMap:
      return "a section";
    case ConfigTree::Kind::kScalar:
      break;
  }
  std::string shown = tree.quoted ? "the text '" : "'";
  for (const char c : tree.scalar.substr(0, kMaxShown)) shown += c == '\n' ? ' ' : c;
  shown += tree.scalar.size() > kMaxShown ? "...'" : "'";
  return shown;
}

void throw_wrong_type(const ConfigTree& tree, const std::string& path, OptionType type,
                      const OptionInfo& info) {
  const std::string legal = legal_text(info);
  std::string expected = type_text(type);
  if (!legal.empty()) expected += info.choices.empty() ? " " + legal : ", " + legal;
  throw Error(tree.place, path + ": expected " + expected + ", found " + found_text(tree));
}

void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                bool& value) {
  const std::string& text = tree.scalar;
  const bool is_true = text == "true" || text == "True" || text == "TRUE";
  const bool is_false = text == "false" || text == "False" || text == "FALSE";
  if (tree.kind != ConfigTree::Kind::kScalar || tree.quoted || (!is_true && !is_false)) {
    throw_wrong_type(tree, path, OptionType::kBool, info);
  }
  value = is_true;
}

void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                std::int64_t& value) {
  std::string_view text = tree.scalar;
  const bool has_plus = text.starts_with('+');
  if (has_plus) text.remove_prefix(1);
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  const bool is_integer = !digits.empty() && !(has_plus && digits.size() < text.size()) &&
                          digits.find_first_not_of("0123456789") == std::string_view::npos &&
                          (digits.size() == 1 || digits[0] != '0');  // 010 is 8 to some readers
  if (tree.kind != ConfigTree::Kind::kScalar || tree.quoted || !is_integer) {
    throw_wrong_type(tree, path, OptionType::kInteger, info);
  }
  std::int64_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc()) {
    throw Error(tree.place, path + " is " + tree.scalar + ", which does not fit in 64 bits");
  }
  check_range(tree, path, info, static_cast<double>(number));
  value = number;
}

void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                double& value) {
  const std::string& text = tree.scalar;
  double number = 0;
  if (tree.kind != ConfigTree::Kind::kScalar || tree.quoted) {
    throw_wrong_type(tree, path, OptionType::kNumber, info);
  }
  if (text == ".inf" || text == "+.inf" || text == "-.inf" || text == "inf" || text == "-inf") {
    if (!info.infinity_is_legal) {
      throw Error(tree.place, path + " is " + text + ", and must be a finite number");
    }
    number = text.starts_with('-') ? -kInfinity : kInfinity;
  } else {
    const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(begin, end, number);
    const bool two_signs = text.starts_with("+-");
    if (!is_decimal_number(text) || two_signs || result.ptr != end) {
      throw_wrong_type(tree, path, OptionType::kNumber, info);
    }
    if (result.ec != std::errc()) {
      throw Error(tree.place, path + " is " + text + ", which no 64-bit number can hold");
    }
  }
  check_range(tree, path, info, number);
  value = number;
}

void read_value(const ConfigTree& tree, const std::string& path, const OptionInfo& info,
                std::string& value) {
  if (tree.kind != ConfigTree::Kind::kScalar) {
    throw_wrong_type(tree, path, OptionType::kText, info);
  }
  const auto& choices = info.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), tree.scalar) == choices.end()) {
    const std::string nearest = nearest_name(tree.scalar, choices);
    throw Error(tree.place, path + " is " + found_text(tree) + ", and must be " + legal_text(info),
                nearest.empty() ? "" : "did you mean '" + nearest + "'?");
  }
  value = tree.scalar;
  if (info.resolve && !value.empty()) {
    if (value.size() > kLongestPath) throw Error(tree.place, path + " is longer than 4096 bytes");
    if (value.find('\0') != std::string::npos) throw Error(tree.place, path + " holds a zero byte");
    value = info.resolve(value, fs::absolute(tree.directory.empty() ? "." : tree.directory));
  }
}

std::string resolve_path(const std::string& text, const fs::path& directory) {
  const fs::path path = (directory / text).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string();
}

}  // namespace loopline::config
