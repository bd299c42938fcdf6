#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "loopline/core/file_system.h"

namespace loopline::testing {

/// Counts the calls that change something on disk and lets one of them, and all after it if wanted,
/// fail. Call numbers begin at 1; 0 lets everything pass.
class FaultyFileSystem : public FileSystem {
 public:
  enum class Fault {
    kFail,        ///< the call fails
    kShortWrite,  ///< a write takes half of its bytes; the next one fails; other calls fail
  };

  FaultyFileSystem() = default;
  FaultyFileSystem(std::int64_t call, int reason, Fault fault = Fault::kFail, bool forever = false)
      : call_(call), reason_(reason), fault_(fault), forever_(forever) {}

  std::int64_t calls() const { return calls_; }

  int open(const char* path, int flags) override {
    return fails() ? -1 : FileSystem::open(path, flags);
  }
  ssize_t write(int descriptor, const void* bytes, std::size_t count) override {
    if (torn_) {
      errno = reason_;
      return -1;
    }
    if (!fails()) return FileSystem::write(descriptor, bytes, count);
    torn_ = fault_ == Fault::kShortWrite && count > 1;
    return torn_ ? FileSystem::write(descriptor, bytes, count / 2) : -1;
  }
  int sync(int) override { return fails() ? -1 : 0; }  // the disk itself is not under test
  int truncate(int descriptor, off_t size) override {
    // Cutting a torn write off again is not a call that may fail: there is nothing left to do then.
    if (torn_) return FileSystem::truncate(descriptor, size);
    return fails() ? -1 : FileSystem::truncate(descriptor, size);
  }
  int make_directory(const char* path) override {
    return fails() ? -1 : FileSystem::make_directory(path);
  }
  int rename(const char* from, const char* to) override {
    return fails() ? -1 : FileSystem::rename(from, to);
  }
  int exchange(const char* one, const char* other) override {
    return fails() ? -1 : FileSystem::exchange(one, other);
  }

 private:
  bool fails() {
    ++calls_;
    const bool now = call_ > 0 && (forever_ ? calls_ >= call_ : calls_ == call_);
    if (now) errno = reason_;
    return now;
  }

  std::int64_t call_ = 0;
  int reason_ = 0;
  Fault fault_ = Fault::kFail;
  bool forever_ = false;
  std::int64_t calls_ = 0;
  bool torn_ = false;
};

}  // namespace loopline::testing
