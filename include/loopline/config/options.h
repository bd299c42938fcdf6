#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace loopline::config {

/// Options are described once. A struct has `void describe(OptionVisitor&)` that names each of its
/// fields with help text and legal values; that one description reads YAML, rejects unknown keys,
/// checks ranges, applies `--set`, writes the resolved file and prints the reference.

/// What is legal for an option and what it means.
struct OptionInfo {
  std::string name;
  std::string help;  ///< one or two sentences; the same text goes into configs and docs
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool exclusive_minimum = false;    ///< the value must be greater than `minimum`, not equal
  bool infinity_is_legal = false;    ///< `.inf` is a value, not just the absence of a bound
  std::vector<std::string> choices;  ///< for strings and lists of strings; empty means any
  /// Makes of a text what the option holds, given the absolute directory of the file that states
  /// it; unset: the text itself.
  std::function<std::string(const std::string& text, const std::filesystem::path& directory)>
      resolve;
  bool required = false;              ///< there is no default: the file must state it
  bool may_change_on_resume = false;  ///< `resume --set` may change it without changing the run

  /// Both ends are legal values. An infinite end makes `.inf` legal, which it is not otherwise.
  OptionInfo& range(double low, double high) {
    minimum = low;
    maximum = high;
    infinity_is_legal = std::isinf(low) || std::isinf(high);
    return *this;
  }
  OptionInfo& at_least(double low) {
    minimum = low;
    return *this;
  }
  OptionInfo& above(double low) {
    minimum = low;
    exclusive_minimum = true;
    return *this;
  }
  OptionInfo& one_of(std::vector<std::string> values) {
    choices = std::move(values);
    return *this;
  }
  /// A path, resolved against the directory of the file that states it.
  OptionInfo& path();
  OptionInfo& resolved_by(decltype(resolve) function) {
    resolve = std::move(function);
    return *this;
  }
  OptionInfo& must_be_given() {
    required = true;
    return *this;
  }
  OptionInfo& changes_on_resume() {
    may_change_on_resume = true;
    return *this;
  }
};

/// An absolute path without dots and trailing slash: `text` seen from `directory`.
std::string resolve_path(const std::string& text, const std::filesystem::path& directory);

inline OptionInfo& OptionInfo::path() { return resolved_by(resolve_path); }

/// `option("lr", "Learning rate.").above(0)`.
inline OptionInfo option(std::string name, std::string help) {
  OptionInfo info;
  info.name = std::move(name);
  info.help = std::move(help);
  return info;
}

/// Walks a described struct. `std::optional` fields are blanks: null or absent in YAML means "not
/// set", to be filled by a preset or left to the bundle.
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void field(const OptionInfo& info, bool& value) = 0;
  virtual void field(const OptionInfo& info, std::int64_t& value) = 0;
  virtual void field(const OptionInfo& info, double& value) = 0;
  virtual void field(const OptionInfo& info, std::string& value) = 0;
  virtual void field(const OptionInfo& info, std::vector<std::string>& value) = 0;
  virtual void field(const OptionInfo& info, std::vector<std::int64_t>& value) = 0;
  virtual void field(const OptionInfo& info, std::vector<double>& value) = 0;
  virtual void field(const OptionInfo& info, std::optional<bool>& value) = 0;
  virtual void field(const OptionInfo& info, std::optional<std::int64_t>& value) = 0;
  virtual void field(const OptionInfo& info, std::optional<double>& value) = 0;
  virtual void field(const OptionInfo& info, std::optional<std::string>& value) = 0;

  /// A nested map: `visitor.section("optimizer", "AdamW.", [&] { ... fields ... })`.
  template <class Body>
  void section(const std::string& name, const std::string& help, Body body) {
    begin_section(name, help);
    body();
    end_section();
  }

 protected:
  virtual void begin_section(const std::string& name, const std::string& help) = 0;
  virtual void end_section() = 0;
};

}  // namespace loopline::config
