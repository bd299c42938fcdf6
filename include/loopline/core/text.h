#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace loopline {

/// Shell pattern match over a whole string: `*` any run of characters, `?` one character.
bool matches_pattern(std::string_view pattern, std::string_view text);

/// The candidate nearest to `word` by edit distance (case ignored, two exchanged neighbours count
/// once; the first of equals), or "" when none is near: distance over 1 + a third of the word's
/// length, or no letter kept. After a second's work, on names that no person wrote, it stops
/// looking.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

/// Without white space at both ends.
std::string trimmed(const std::string& text);

/// "a, b, c".
std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

/// "1.5 GiB", "312 B".
std::string human_bytes(double bytes);

/// "1 h 02 min", "3 min 05 s", "12 s", rounded; "?" when not a finite, non-negative number.
std::string human_duration(double seconds);

}  // namespace loopline
