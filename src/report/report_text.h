#pragma once

#include <string>
#include <vector>

#include "intervals.h"

/// How numbers of a report stand in sentences and terminal tables.
namespace loopline::report::summary {

/// "12,800", rounded to a whole number.
std::string count_text(double value);

/// Three decimals below 10, one below 1000, then none; `sign`: "+0.125".
std::string score_text(double value, bool sign = false);

/// A number that a person chose or that was rounded: "0.61".
std::string level_text(double value);

/// "0.662 [0.621, 0.702]" of an interval of the report; the mean alone where it has no ends.
std::string interval_text(const Json& interval);

/// "a", "a and b", "a, b and c".
std::string listed(const std::vector<std::string>& parts);

/// Lines of at most `columns` characters, broken between words; a longer word stands alone.
std::string wrapped(const std::string& text, int columns);

}  // namespace loopline::report::summary
