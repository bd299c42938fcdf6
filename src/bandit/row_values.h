#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace loopline::bandit {

/// A row that cannot be used. The reader of the log knows the place, and whether it goes on.
class BadRow : public std::exception {
 public:
  BadRow(std::string_view column, const std::string& what)
      : what_(column.empty() ? what : "column \"" + shortened(column) + "\": " + what) {}
  explicit BadRow(std::string what) : what_(std::move(what)) {}

  const char* what() const noexcept override { return what_.c_str(); }

  /// A value fit to be quoted in a message.
  static std::string shortened(std::string_view text);

 private:
  std::string what_;
};

/// Texts as values; BadRow when they are none, naming `column`. Blanks around a number do not
/// matter.
double finite_number(std::string_view text, std::string_view column);
std::int64_t whole_number(std::string_view text, std::string_view column);  ///< "3", also "3.0"
double time_of(std::string_view text,
               std::string_view column);  ///< a number, or an ISO 8601 date
std::int64_t cluster_of(std::string_view text);

/// Whether a text reads as a number, a finite one or not.
bool is_number(std::string_view text);
bool is_utf8(std::string_view text);

/// What is demanded of numbers; they come back as they are.
double checked_finite(double value, std::string_view column);
double checked_propensity(double value, std::string_view column);
double checked_target(double value, std::string_view column);
double checked_multiplicity(double value, std::string_view column);
std::int64_t checked_position(std::int64_t value, std::string_view column);

/// Names and their numbers, from 0 in the order in which they were added.
class NameTable {
 public:
  /// The number of a name, which is added when it is new.
  std::int64_t add(std::string_view name);
  /// -1 for a name that is not there.
  std::int64_t find(std::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int64_t, Hash, std::equal_to<>> index_;
};

/// The number of a logger; one too many of them, or no UTF-8, is a BadRow.
std::int64_t add_logger(NameTable& loggers, std::string_view name);

/// The actions of a log with a fixed set.
struct Actions {
  NameTable names;         ///< none: they are numbers
  std::int64_t count = 0;  ///< 0: not known

  std::int64_t of(std::string_view text, std::string_view column) const;
  std::int64_t checked(std::int64_t id, std::string_view column) const;
};

}  // namespace loopline::bandit
