#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace loopline::io {

constexpr std::size_t kMostJsonValues = 4'000'000;

/// Parses JSON from anyone's file, strictly: no comments, no duplicate keys, at most 64 levels and
/// `most_values` values. Whatever is wrong is an Error at `where`.
nlohmann::json parse_json(std::string_view text, const std::string& where,
                          std::size_t most_values = kMostJsonValues);

}  // namespace loopline::io
