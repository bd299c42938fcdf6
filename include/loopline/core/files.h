#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace loopline {

/// Files are replaced, never edited: every writer here writes beside the target, fsyncs, renames.
/// All functions throw Error (exit 1 for I/O failures) with the path and the system's reason.

/// The whole file. Files over `max_bytes` are refused.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = UINT64_MAX);

/// Replaces `path` with `bytes`, atomically and durably (file and directory are fsynced).
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Lets `write` fill a temporary sibling of `path`, then fsyncs and renames it.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const std::filesystem::path&)>& write);

/// Lets `fill` write files into a temporary sibling directory of `path`; fsyncs all of them and
/// renames the directory, so that `path` appears complete or not at all. `path` must not exist.
void write_directory_atomically(const std::filesystem::path& path,
                                const std::function<void(const std::filesystem::path&)>& fill);

/// mkdir -p.
void make_directories(const std::filesystem::path& path);

/// Lower-case hexadecimal SHA-256 of bytes, or of a file's content (streamed).
std::string sha256(std::string_view bytes);
std::string sha256_file(const std::filesystem::path& path);

}  // namespace loopline
