#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "loopline/core/hash.h"

namespace loopline {

/// Files are replaced, never edited: every writer here writes beside the target, fsyncs, renames.
/// A failed write leaves the target as it was and removes what it had written beside it; a killed
/// process leaves a temporary name behind, which readers skip (`is_temporary`).
/// All functions throw Error (exit 1 for I/O failures) with the path, under the name that it was to
/// have, and the system's reason.

/// The whole file. Files over `max_bytes` are refused.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = UINT64_MAX);

/// Hands a file's content to `take`, piece by piece.
void read_in_pieces(const std::filesystem::path& path,
                    const std::function<void(std::string_view)>& take);

/// A file that is written from its beginning, piece by piece; an existing one is emptied. Neither
/// atomic nor durable by itself: use it inside one of the writers below.
class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::string_view bytes);

  /// Must be called once everything is written: some file systems report a full disk only here.
  void close();

 private:
  std::filesystem::path path_;
  int descriptor_;
};

/// Appends all of `bytes` to an existing file, durably, or, when that fails, nothing. (When even
/// cutting back fails, or the process is killed, a part of them is left.)
void append_durably(const std::filesystem::path& path, std::string_view bytes);

/// Cuts a file off behind its first `size` bytes, durably.
void truncate_durably(const std::filesystem::path& path, std::uint64_t size);

/// Replaces `path` with `bytes`, atomically and durably (file and directory are fsynced). A
/// symbolic link is followed; a directory, device or pipe is refused. The parent directory must
/// exist.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// Lets `write` fill a temporary sibling of `path` (same extension), then fsyncs and renames it.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(const std::filesystem::path&)>& write);

/// Lets `fill` write files into a temporary sibling directory of `path`; fsyncs all of them and
/// renames the directory, so that `path` appears complete or not at all. `path` must not exist.
void write_directory_atomically(const std::filesystem::path& path,
                                const std::function<void(const std::filesystem::path&)>& fill);

/// The same, but an existing directory is replaced: readers see the old one or the new one, whole.
/// (On file systems that cannot exchange two names there is an instant without either.)
void replace_directory_atomically(const std::filesystem::path& path,
                                  const std::function<void(const std::filesystem::path&)>& fill);

/// Whether the last component of `path` is a name that these writers give to unfinished work.
bool is_temporary(const std::filesystem::path& path);

/// Removes what killed writers left in a directory (not below). Nobody else may be writing there.
void remove_unfinished(const std::filesystem::path& directory);

/// Takes `path` (a file or a whole directory) out of sight under a temporary name, then removes it:
/// an interrupted removal never leaves half a directory under its old name. Absent is fine.
void remove_atomically(const std::filesystem::path& path);

/// Renames a file or directory; `to` must not be a directory with something in it.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// mkdir -p.
void make_directories(const std::filesystem::path& path);

}  // namespace loopline
