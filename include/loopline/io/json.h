#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace loopline::io {

/// Parses JSON from anyone's file, strictly: no comments, no duplicate keys, at most 64 levels and
/// 4,000,000 values. Whatever is wrong is an Error at `where`.
nlohmann::json parse_json(std::string_view text, const std::string& where);

}  // namespace loopline::io
