#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace loopline {

/// Lower-case hexadecimal SHA-256 of bytes.
std::string sha256(std::string_view bytes);

/// The same of a file's content, streamed. An unreadable file is an Error (exit 1).
std::string sha256_file(const std::filesystem::path& path);

}  // namespace loopline
