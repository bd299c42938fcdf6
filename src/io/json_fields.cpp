#include "json_fields.h"

#include <algorithm>
#include <sstream>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::io {
namespace {

using nlohmann::json;

constexpr std::size_t kLongestPath = 4096;
constexpr std::size_t kMostObjects = 1000;
constexpr std::size_t kMostSides = 64;

std::string shown(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

std::string limits_text(Limits limits) {
  const bool has_low = limits.minimum > -std::numeric_limits<double>::infinity();
  const bool has_high = limits.maximum < std::numeric_limits<double>::infinity();
  if (has_low && has_high && !limits.exclusive_minimum) {
    return "from " + shown(limits.minimum) + " to " + shown(limits.maximum);
  }
  std::string text;
  if (has_low)
    text = (limits.exclusive_minimum ? "greater than " : "at least ") + shown(limits.minimum);
  if (has_high) text += (text.empty() ? "at most " : " and at most ") + shown(limits.maximum);
  return text;
}

bool is_within(double value, Limits limits) {
  return (limits.exclusive_minimum ? value > limits.minimum : value >= limits.minimum) &&
         value <= limits.maximum;
}

std::string found_text(const json& value) {
  constexpr std::size_t kMaxShown = 60;
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  const std::string text = value.dump(-1, ' ', true);
  return text.size() <= kMaxShown ? text : text.substr(0, kMaxShown) + "...";
}

}  // namespace

JsonFields::JsonFields(const json& object, std::string where, std::string path)
    : object_(object), where_(std::move(where)), path_(std::move(path)) {
  if (!object_.is_object()) {
    throw Error(where_, (path_.empty() ? "" : path_ + " ") + "must be an object, found " +
                            found_text(object_));
  }
}

std::string JsonFields::path_of(const std::string& name) const {
  return path_.empty() ? name : path_ + "." + name;
}

void JsonFields::fail(const std::string& name, const std::string& what,
                      const std::string& todo) const {
  throw Error(where_, path_of(name) + " " + what, todo);
}

void JsonFields::fail_here(const std::string& what, const std::string& todo) const {
  throw Error(where_, path_.empty() ? what : path_ + " " + what, todo);
}

void JsonFields::wrong_type(const std::string& path, const std::string& expected,
                            const json& found) const {
  throw Error(where_, path + " must be " + expected + ", found " + found_text(found));
}

const json& JsonFields::value(const std::string& name) { return require(name); }

const json& JsonFields::require(const std::string& name) {
  known_.insert(name);
  const auto found = object_.find(name);
  if (found == object_.end()) {
    // Perhaps it is there, misspelt.
    std::vector<std::string> others;
    for (const auto& item : object_.items()) {
      if (!known_.contains(item.key())) others.push_back(item.key());
    }
    const std::string nearest = nearest_name(name, others);
    fail(name, "is missing", nearest.empty() ? "" : "is \"" + nearest + "\" a misspelling of it?");
  }
  return *found;
}

std::string JsonFields::read_text(const json& value, const std::string& path) const {
  if (!value.is_string()) wrong_type(path, "text", value);
  if (value.get_ref<const std::string&>().empty()) throw Error(where_, path + " is empty");
  return value.get<std::string>();
}

std::int64_t JsonFields::read_integer(const json& value, const std::string& path,
                                      Limits limits) const {
  if (!value.is_number_integer()) {
    const std::string legal = limits_text(limits);
    wrong_type(path, "a whole number" + (legal.empty() ? "" : " " + legal), value);
  }
  const bool fits = !value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX;
  if (!fits || !is_within(static_cast<double>(value.get<std::int64_t>()), limits)) {
    const std::string legal = limits_text(limits);
    throw Error(where_, path + " is " + value.dump() + ", and must be " +
                            (legal.empty() ? "a 64-bit whole number" : legal));
  }
  return value.get<std::int64_t>();
}

double JsonFields::read_number(const json& value, const std::string& path, Limits limits) const {
  if (!value.is_number()) {
    const std::string legal = limits_text(limits);
    wrong_type(path, "a number" + (legal.empty() ? "" : " " + legal), value);
  }
  if (!is_within(value.get<double>(), limits)) {
    throw Error(where_, path + " is " + value.dump() + ", and must be " + limits_text(limits));
  }
  return value.get<double>();
}

const json& JsonFields::read_list(const std::string& name) {
  const json& list = require(name);
  if (!list.is_array()) wrong_type(path_of(name), "a list", list);
  return list;
}

std::string JsonFields::text(const std::string& name) {
  return read_text(require(name), path_of(name));
}

std::string JsonFields::any_text(const std::string& name) {
  const json& value = require(name);
  if (!value.is_string()) wrong_type(path_of(name), "text", value);
  return value.get<std::string>();
}

bool JsonFields::boolean_or(const std::string& name, bool standard) {
  if (!has(name)) return standard;
  const json& value = require(name);
  if (!value.is_boolean()) wrong_type(path_of(name), "true or false", value);
  return value.get<bool>();
}

std::int64_t JsonFields::integer(const std::string& name, Limits limits) {
  return read_integer(require(name), path_of(name), limits);
}

std::int64_t JsonFields::integer_or(const std::string& name, std::int64_t standard, Limits limits) {
  return has(name) ? integer(name, limits) : standard;
}

std::optional<std::int64_t> JsonFields::maybe_integer(const std::string& name, Limits limits) {
  if (!has(name) || require(name).is_null()) return std::nullopt;
  return integer(name, limits);
}

double JsonFields::number(const std::string& name, Limits limits) {
  return read_number(require(name), path_of(name), limits);
}

double JsonFields::number_or(const std::string& name, double standard, Limits limits) {
  return has(name) ? number(name, limits) : standard;
}

std::vector<double> JsonFields::numbers(const std::string& name, Limits limits) {
  std::vector<double> values;
  for (const json& item : read_list(name)) {
    values.push_back(
        read_number(item, path_of(name) + "[" + std::to_string(values.size()) + "]", limits));
  }
  return values;
}

std::vector<std::int64_t> JsonFields::integers(const std::string& name, Limits limits) {
  std::vector<std::int64_t> values;
  for (const json& item : read_list(name)) {
    values.push_back(
        read_integer(item, path_of(name) + "[" + std::to_string(values.size()) + "]", limits));
  }
  return values;
}

std::vector<std::int64_t> JsonFields::shape(const std::string& name, Limits limits) {
  if (read_list(name).size() > kMostSides) fail(name, "has more than 64 sides");
  return integers(name, limits);
}

std::vector<std::string> JsonFields::texts(const std::string& name) {
  std::vector<std::string> values;
  for (const json& item : read_list(name)) {
    values.push_back(read_text(item, path_of(name) + "[" + std::to_string(values.size()) + "]"));
  }
  return values;
}

std::vector<std::pair<std::string, std::string>> JsonFields::text_map(const std::string& name) {
  const json& map = require(name);
  if (!map.is_object()) wrong_type(path_of(name), "an object", map);
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& item : map.items()) {
    entries.emplace_back(item.key(), read_text(item.value(), path_of(name) + "." + item.key()));
  }
  return entries;
}

std::size_t JsonFields::choice_index(const std::string& name,
                                     const std::vector<std::string>& words) {
  const std::string word = text(name);
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) {
    const std::string nearest = nearest_name(word, words);
    fail(name, "is \"" + word + "\", and must be one of " + join(words),
         nearest.empty() ? "" : "did you mean \"" + nearest + "\"?");
  }
  return static_cast<std::size_t>(found - words.begin());
}

std::filesystem::path JsonFields::file(const std::string& name,
                                       const std::filesystem::path& directory) {
  const std::string given = text(name);
  if (given.size() > kLongestPath) fail(name, "is longer than 4096 bytes");
  const std::filesystem::path path = given;
  const bool leaves = std::find(path.begin(), path.end(), "..") != path.end();
  if (path.is_absolute() || leaves || !path.has_filename() ||
      given.find('\0') != std::string::npos) {
    fail(name, "is " + found_text(given) + ", and must be a file name inside the bundle",
         "no absolute path and no ..");
  }
  return (std::filesystem::absolute(directory) / path).lexically_normal();
}

JsonFields JsonFields::object(const std::string& name) {
  return {require(name), where_, path_of(name)};
}

std::vector<JsonFields> JsonFields::objects(const std::string& name) {
  std::vector<JsonFields> result;
  const json& list = read_list(name);
  if (list.size() > kMostObjects) fail(name, "holds more than 1000 objects");
  for (const json& item : list) {
    result.emplace_back(item, where_, path_of(name) + "[" + std::to_string(result.size()) + "]");
  }
  return result;
}

void JsonFields::finish() const {
  for (const auto& item : object_.items()) {
    if (known_.contains(item.key())) continue;
    const std::string nearest = nearest_name(item.key(), {known_.begin(), known_.end()});
    throw Error(where_, "unknown field \"" + path_of(item.key()) + "\"",
                nearest.empty() ? "known here: " + join({known_.begin(), known_.end()})
                                : "did you mean \"" + path_of(nearest) + "\"?");
  }
}

}  // namespace loopline::io
