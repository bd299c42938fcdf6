#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "loopline/config/options.h"

namespace loopline::config {

/// The type of an option, for messages and the reference.
enum class OptionType { kBool, kInteger, kNumber, kText, kTextList, kIntegerList, kNumberList };

/// "true or false", "a whole number", "a list of texts": fits after "expected".
std::string type_text(OptionType type);

/// "greater than 0", "from 0 to 1", "one of a, b, c" or "" when everything is legal.
std::string legal_text(const OptionInfo& info);

/// A value as YAML, which the reader turns back into the same value.
std::string yaml_text(bool value);
std::string yaml_text(std::int64_t value);
std::string yaml_text(double value);  ///< the shortest decimal that reads back to the same bits
std::string yaml_text(const std::string& value);

/// Breaks text at white space into lines of at most `width` columns (a longer word keeps its line).
std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace loopline::config
