#pragma once

#include <optional>
#include <string>

#include "loopline/report/html.h"

/// Tables of a page: everything but names is set flush right.
namespace loopline::report::page {

/// A <th> above a column of numbers, and one above a column of words; `title` is markup.
std::string heading(const std::string& title);
std::string word_heading(const std::string& title);

/// A <td> with a mean and its interval below it, if it has one; a dash for nothing.
std::string estimate_cell(const std::string& id, const std::optional<Estimate>& value, int decimals,
                          bool sign = false, bool strong = false);

/// A table that scrolls sideways in a narrow window; all but the attributes is markup.
std::string table(const std::string& attributes, const std::string& caption,
                  const std::string& head, const std::string& body);

}  // namespace loopline::report::page
