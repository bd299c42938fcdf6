#include "loopline/core/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace loopline {
namespace {

FileSystem* replacement = nullptr;

/// Network and user-space file systems answer a signal with EINTR, whatever SA_RESTART says.
template <class Call>
int until_uninterrupted(const Call& call) {
  int result = call();
  while (result < 0 && errno == EINTR) {
    result = call();
  }
  return result;
}

}  // namespace

int FileSystem::open(const char* path, int flags) {
  return until_uninterrupted([&] { return ::open(path, flags | O_CLOEXEC, 0666); });
}

ssize_t FileSystem::write(int descriptor, const void* bytes, std::size_t count) {
  return ::write(descriptor, bytes, count);
}

int FileSystem::sync(int descriptor) {
  return until_uninterrupted([&] { return ::fsync(descriptor); });
}

int FileSystem::truncate(int descriptor, off_t size) { return ::ftruncate(descriptor, size); }

int FileSystem::close(int descriptor) { return ::close(descriptor); }

int FileSystem::make_directory(const char* path) { return ::mkdir(path, 0777); }

int FileSystem::rename(const char* from, const char* to) { return std::rename(from, to); }

int FileSystem::exchange(const char* one, const char* other) {
  return ::renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
}

FileSystem& file_system() {
  static FileSystem system;
  return replacement != nullptr ? *replacement : system;
}

FileSystemScope::FileSystemScope(FileSystem& file_system) : before_(replacement) {
  replacement = &file_system;
}

FileSystemScope::~FileSystemScope() { replacement = before_; }

}  // namespace loopline
