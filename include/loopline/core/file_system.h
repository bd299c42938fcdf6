#pragma once

#include <sys/types.h>

#include <cstddef>

namespace loopline {

/// The system calls by which Loopline changes what is on disk. All writers (files.h) go through
/// them, so that a test can make any one of them fail, write short or be the last one of its
/// process. Results and errno are those of the calls themselves.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// `flags` as of open(2); a new file gets mode 0666 less the umask.
  virtual int open(const char* path, int flags);
  virtual ssize_t write(int descriptor, const void* bytes, std::size_t count);
  virtual int sync(int descriptor);
  virtual int truncate(int descriptor, off_t size);
  virtual int close(int descriptor);
  virtual int make_directory(const char* path);
  virtual int rename(const char* from, const char* to);
  /// Swaps two names in one step; fails where the file system cannot.
  virtual int exchange(const char* one, const char* other);
};

/// The one in use; the system's own unless a test has put another in place.
FileSystem& file_system();

/// Puts a file system in place of the current one while it lives. For tests: not for use while
/// other threads write.
class FileSystemScope {
 public:
  explicit FileSystemScope(FileSystem& replacement);
  ~FileSystemScope();
  FileSystemScope(const FileSystemScope&) = delete;
  FileSystemScope& operator=(const FileSystemScope&) = delete;

 private:
  FileSystem* before_;
};

}  // namespace loopline
