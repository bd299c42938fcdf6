#pragma once

#include <string>
#include <string_view>

namespace loopline {

/// Base64 with padding, on one line (RFC 4648).
std::string base64_encode(std::string_view bytes);

/// The reverse; a text that is no base64 is an Error (exit 1).
std::string base64_decode(std::string_view text);

}  // namespace loopline
