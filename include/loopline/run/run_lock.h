#pragma once

#include <filesystem>

namespace loopline::run {

/// Keeps a second process from writing into a run: an advisory lock (flock) on DIRECTORY/.lock that
/// the kernel drops with its process, however that ends. The file stays; its text, "process 123 on
/// HOST", is for people.
class RunLock {
 public:
  /// A lock that another process holds is an Error (exit 1) that names it. On a file system without
  /// locks there is a warning instead.
  explicit RunLock(const std::filesystem::path& directory);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  /// An Error (exit 1) when the directory was removed, moved or replaced since: files written under
  /// its name would not belong to the run.
  void check() const;

  static constexpr const char* kFile = ".lock";

 private:
  std::filesystem::path directory_, path_;
  int descriptor_;
};

}  // namespace loopline::run
