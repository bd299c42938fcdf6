#pragma once

#include <cstdint>
#include <string_view>

namespace loopline::io {

/// CRC-32C of bytes (the Castagnoli polynomial, reflected), as in RFC 3720, appendix B.4.
std::uint32_t crc32c(std::string_view bytes);

}  // namespace loopline::io
