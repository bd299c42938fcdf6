#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace loopline::io {

/// Unpacks a raw deflate stream (RFC 1951) of exactly `size` bytes of content; nothing when it is
/// not one. Stricter than usual: incomplete codes, bytes after the end and all that the RFC leaves
/// to the reader are refused, so that no other reader can unpack something else from the stream.
std::optional<std::string> inflate(std::string_view stream, std::uint64_t size);

/// As in zip, gzip and PNG: polynomial 0xEDB88320.
std::uint32_t crc32(std::string_view bytes);

}  // namespace loopline::io
