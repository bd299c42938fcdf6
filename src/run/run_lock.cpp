#include "loopline/run/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "loopline/core/error.h"
#include "loopline/core/file_system.h"
#include "loopline/core/files.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"

namespace loopline::run {
namespace {

constexpr std::uint64_t kMaxOwnerBytes = 4096;

std::string this_process() {
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  return "process " + std::to_string(::getpid()) + " on " + host.data();
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& directory)
    : directory_(directory),
      path_(directory / kFile),
      descriptor_(file_system().open(path_.c_str(), O_RDWR | O_CREAT)) {
  if (descriptor_ < 0) {
    throw failure(path_.string(), std::string("cannot be written: ") + std::strerror(errno));
  }
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason == EWOULDBLOCK) {
      const std::string owner = trimmed(read_file(path_, kMaxOwnerBytes));
      file_system().close(descriptor_);
      throw failure(directory.string(),
                    "is in use by " + (owner.empty() ? "another process" : owner),
                    "wait for it to end, or stop it");
    }
    log_warning(path_.string() + ": this file system has no locks (" + std::strerror(reason) +
                "): make sure that no other process writes into this run");
  }
  const std::string owner = this_process() + "\n";
  file_system().truncate(descriptor_, 0);
  if (file_system().write(descriptor_, owner.data(), owner.size()) < 0) {
    const int reason = errno;
    file_system().close(descriptor_);
    throw failure(path_.string(), std::string("cannot be written: ") + std::strerror(reason));
  }
}

RunLock::~RunLock() { file_system().close(descriptor_); }

void RunLock::check() const {
  struct stat ours = {}, named = {};
  const bool same = ::fstat(descriptor_, &ours) == 0 && ::stat(path_.c_str(), &named) == 0 &&
                    ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
  if (!same) {
    throw failure(directory_.string(), "was removed, moved or replaced while the run went on");
  }
}

}  // namespace loopline::run
