#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loopline/io/json.h"

namespace loopline::io {

/// What numbers a field takes.
struct Limits {
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool exclusive_minimum = false;
};
constexpr Limits at_least(double low) { return {low}; }
constexpr Limits above(double low) { return {low, std::numeric_limits<double>::infinity(), true}; }
constexpr Limits between(double low, double high) { return {low, high}; }

/// Reads one JSON object field by field and in the end refuses the fields that nobody asked for.
/// Every Error names the file, the field's path from the top and what was found.
///
/// The plain readers demand the field; those that end in `_or` have a default, and those that begin
/// with `maybe_` give nothing for an absent field or null.
class JsonFields {
 public:
  /// The object itself is checked; `path` is "" at the top.
  JsonFields(const nlohmann::json& object, std::string where, std::string path = "");

  /// Whether a field that may be absent is there.
  bool has(const std::string& name) {
    known_.insert(name);
    return object_.contains(name);
  }

  std::string text(const std::string& name);  ///< not empty
  std::string any_text(const std::string& name);
  bool boolean_or(const std::string& name, bool standard);
  std::int64_t integer(const std::string& name, Limits limits);
  std::int64_t integer_or(const std::string& name, std::int64_t standard, Limits limits);
  std::optional<std::int64_t> maybe_integer(const std::string& name, Limits limits);
  double number(const std::string& name, Limits limits = {});
  double number_or(const std::string& name, double standard, Limits limits = {});
  std::vector<double> numbers(const std::string& name, Limits limits = {});
  std::vector<std::int64_t> integers(const std::string& name, Limits limits);
  std::vector<std::string> texts(const std::string& name);  ///< none of them empty
  std::vector<std::pair<std::string, std::string>> text_map(const std::string& name);

  /// One of a list of words, and what it stands for.
  template <class Value>
  Value choice(const std::string& name, const std::vector<std::pair<std::string, Value>>& words) {
    std::vector<std::string> names;
    for (const auto& word : words) names.push_back(word.first);
    return words[choice_index(name, names)].second;
  }
  std::string choice(const std::string& name, const std::vector<std::string>& words) {
    return words[choice_index(name, words)];
  }

  /// A file name inside `directory`, resolved against it. The file is not opened.
  std::filesystem::path file(const std::string& name, const std::filesystem::path& directory);

  JsonFields object(const std::string& name);
  std::vector<JsonFields> objects(const std::string& name);                 ///< at most 1000
  std::vector<std::int64_t> shape(const std::string& name, Limits limits);  ///< at most 64 sides
  const nlohmann::json& value(const std::string& name);  ///< whatever stands there

  /// Refuses fields that were not read.
  void finish() const;

  /// "schedule.kind": the path of a field, for messages.
  std::string path_of(const std::string& name) const;
  [[noreturn]] void fail(const std::string& name, const std::string& what,
                         const std::string& todo = "") const;
  /// About this object as a whole.
  [[noreturn]] void fail_here(const std::string& what, const std::string& todo = "") const;

 private:
  const nlohmann::json& require(const std::string& name);
  [[noreturn]] void wrong_type(const std::string& path, const std::string& expected,
                               const nlohmann::json& found) const;
  std::string read_text(const nlohmann::json& value, const std::string& path) const;
  std::int64_t read_integer(const nlohmann::json& value, const std::string& path,
                            Limits limits) const;
  double read_number(const nlohmann::json& value, const std::string& path, Limits limits) const;
  const nlohmann::json& read_list(const std::string& name);
  std::size_t choice_index(const std::string& name, const std::vector<std::string>& words);

  const nlohmann::json& object_;
  std::string where_;
  std::string path_;
  std::set<std::string> known_;
};

}  // namespace loopline::io
