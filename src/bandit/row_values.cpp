#include "row_values.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

namespace loopline::bandit {
namespace {

constexpr std::int64_t kMostActions = 1 << 30;

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Number>
bool parse(std::string_view text, Number& value) {
  text = without_blanks(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

[[noreturn]] void refuse(std::string_view text, std::string_view column, const char* what) {
  if (without_blanks(text).empty()) throw BadRow(column, "is empty");
  throw BadRow(column, "\"" + BadRow::shortened(text) + "\" is " + what);
}

std::string number_text(double value) { return nlohmann::json(value).dump(); }

/// Takes digits off the front of `text`, as many as `count`.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  int value = 0;
  if (text.size() < count) return std::nullopt;
  for (const char digit : text.substr(0, count)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = 10 * value + (digit - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// "+02:00", "-0230", "Z" or nothing; seconds.
std::optional<double> zone_of(std::string_view text) {
  if (text.empty() || text == "Z") return 0;
  const double sign = text.front() == '-' ? -1 : 1;
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_digits(text, 2);
  take(text, ":");
  const auto minutes = text.empty() ? 0 : take_digits(text, 2);
  if (!hours || !minutes || !text.empty()) return std::nullopt;
  return sign * (*hours * 3600.0 + *minutes * 60.0);
}

/// "2019-11-24 00:03:13.442536+00:00" or a part of it from the front; seconds since 1970.
std::optional<double> date_of(std::string_view text) {
  const auto year = take_digits(text, 4);
  const bool has_month = take(text, "-");
  const auto month = take_digits(text, 2);
  const bool has_day = take(text, "-");
  const auto day = take_digits(text, 2);
  if (!year || !has_month || !month || !has_day || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  double seconds = 86400.0 * std::chrono::sys_days(date).time_since_epoch().count();
  if (!take(text, " T")) return text.empty() ? std::optional(seconds) : std::nullopt;
  const auto hour = take_digits(text, 2);
  const bool has_minute = take(text, ":");
  const auto minute = take_digits(text, 2);
  if (!hour || !has_minute || !minute || *hour > 23 || *minute > 59) return std::nullopt;
  seconds += 3600.0 * *hour + 60.0 * *minute;
  if (take(text, ":")) {
    const std::size_t size = std::min(text.find_first_of("Z+-"), text.size());
    double part = 0;
    if (size < 2 || !parse(text.substr(0, size), part) || part < 0 || part >= 61) {
      return std::nullopt;
    }
    seconds += part;
    text.remove_prefix(size);
  }
  const auto zone = zone_of(text);
  if (!zone) return std::nullopt;
  return seconds - *zone;
}

}  // namespace

std::string BadRow::shortened(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  if (text.size() <= kLongest) return std::string(text);
  return std::string(text.substr(0, kLongest)) + "...";
}

double finite_number(std::string_view text, std::string_view column) {
  double value = 0;
  if (!parse(text, value)) refuse(text, column, "no number");
  if (!std::isfinite(value)) refuse(text, column, "no finite number");
  return value;
}

std::int64_t whole_number(std::string_view text, std::string_view column) {
  std::int64_t value = 0;
  if (parse(text, value)) return value;
  double real = 0;
  constexpr double kLargest = 9007199254740992.0;  // 2^53: above it numbers are missing
  if (!parse(text, real) || real != std::floor(real) || std::abs(real) > kLargest) {
    refuse(text, column, "no whole number");
  }
  return static_cast<std::int64_t>(real);
}

double time_of(std::string_view text, std::string_view column) {
  double value = 0;
  if (parse(text, value)) return checked_finite(value, column);
  const auto date = date_of(without_blanks(text));
  if (!date) refuse(text, column, "neither a number nor a date like 2019-11-24 00:03:13");
  return *date;
}

std::int64_t cluster_of(std::string_view text) {
  std::int64_t value = 0;
  if (parse(text, value)) return value;
  std::uint64_t hash = 0xCBF29CE484222325;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return static_cast<std::int64_t>(hash);
}

bool is_number(std::string_view text) {
  double value = 0;
  return parse(text, value);
}

bool is_utf8(std::string_view text) {
  const auto is_plain = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_plain)) return true;
  try {
    static_cast<void>(nlohmann::json(text).dump());
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

double checked_finite(double value, std::string_view column) {
  if (!std::isfinite(value)) throw BadRow(column, "holds a number that is not finite");
  return value;
}

double checked_propensity(double value, std::string_view column) {
  if (value > 0 && value <= 1) return value;
  throw BadRow(column, "a propensity of " + number_text(value) + " is not in (0, 1]");
}

double checked_target(double value, std::string_view column) {
  if (value >= 0 && value <= 1) return value;
  throw BadRow(column, "a probability of " + number_text(value) + " is not in [0, 1]");
}

double checked_multiplicity(double value, std::string_view column) {
  if (value > 0 && std::isfinite(value)) return value;
  throw BadRow(column, "a multiplicity of " + number_text(value) + " is not positive");
}

std::int64_t checked_position(std::int64_t value, std::string_view column) {
  if (value >= 0) return value;
  throw BadRow(column, "the position " + std::to_string(value) + " is negative");
}

std::int64_t NameTable::add(std::string_view name) {
  if (const std::int64_t known = find(name); known >= 0) return known;
  const auto number = static_cast<std::int64_t>(names_.size());
  names_.emplace_back(name);
  index_.emplace(name, number);
  return number;
}

std::int64_t NameTable::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : found->second;
}

std::int64_t add_logger(NameTable& loggers, std::string_view name) {
  if (const std::int64_t known = loggers.find(name); known >= 0) return known;
  constexpr std::size_t kMostLoggers = 1000;
  if (loggers.names().size() == kMostLoggers) {
    throw BadRow("there are more than " + std::to_string(kMostLoggers) + " loggers");
  }
  if (!is_utf8(name)) throw BadRow("the name of a logger is not valid UTF-8");
  return loggers.add(name);
}

std::int64_t Actions::of(std::string_view text, std::string_view column) const {
  if (names.names().empty()) return checked(whole_number(text, column), column);
  const std::int64_t id = names.find(text);
  if (id < 0) throw BadRow(column, "the action \"" + BadRow::shortened(text) + "\" is not known");
  return id;
}

std::int64_t Actions::checked(std::int64_t id, std::string_view column) const {
  const std::int64_t most = count > 0 ? count : kMostActions;
  if (id >= 0 && id < most) return id;
  throw BadRow(column, "the action " + std::to_string(id) + " is not known: there are 0 to " +
                           std::to_string(most - 1));
}

}  // namespace loopline::bandit
