// Faults by preloading: LD_PRELOAD=faulty_libc.so makes a program that knows nothing of it meet a
// full disk, a failing one, or its own death, at a system call of one's choice.
//
//   LOOPLINE_FAULT=OPERATION:PATH_PART:NTH:ACTION
//
// OPERATION  open (to write or create), write, sync, rename, truncate, unlink, rmdir, mkdir, or *
// PATH_PART  what the path contains; the path of a descriptor is what /proc/self/fd tells
// NTH        which matching call, from 1; "3+" is the third and all later ones
// ACTION     kill        SIGKILL before the call
//            kill-after  SIGKILL after it
//            kill-half   SIGKILL after half of the bytes of a write (elsewhere as kill)
//            stop        SIGSTOP before the call: somebody else acts, then sends SIGCONT
//            short       half of the bytes are written, all later matching writes fail with ENOSPC
//            ENOSPC ...  the call fails with this errno; a full disk (ENOSPC, EDQUOT) can still
//            remove count       nothing
//   LOOPLINE_FAULT_LOG=FILE  each matching call, a line: number, operation, bytes, path
//
// Real calls are made by syscall(), past the C library: what it does inside itself is not seen.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

struct Errno {
  const char* name;
  int number;
};
constexpr Errno kErrnos[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EROFS", EROFS},
                             {"EACCES", EACCES}, {"EDQUOT", EDQUOT}, {"EMFILE", EMFILE},
                             {"EINTR", EINTR}};

struct Plan {
  bool on = false;
  std::string operation, path_part, action;
  long nth = 0;
  bool and_later = false;
  int error = 0;
  bool full = false;
  int log = -1;

  Plan() {
    const char* text = std::getenv("LOOPLINE_FAULT");
    if (text == nullptr) return;
    const std::string words = text;
    const std::size_t first = words.find(':'), last = words.rfind(':');
    const std::size_t middle = words.rfind(':', last - 1);
    operation = words.substr(0, first);
    path_part = words.substr(first + 1, middle - first - 1);
    nth = std::atol(words.c_str() + middle + 1);
    and_later = words[last - 1] == '+';
    action = words.substr(last + 1);
    for (const Errno& each : kErrnos) {
      if (action == each.name) error = each.number;
    }
    full = error == ENOSPC || error == EDQUOT;
    const char* path = std::getenv("LOOPLINE_FAULT_LOG");
    if (path != nullptr) {
      log = static_cast<int>(
          syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    }
    on = true;
  }
};

const Plan& plan() {
  static const Plan plan;
  return plan;
}

std::string path_of(int descriptor) {
  char link[64], target[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const long size = syscall(SYS_readlinkat, AT_FDCWD, link, target, sizeof target);
  return size > 0 ? std::string(target, static_cast<std::size_t>(size)) : "";
}

std::string path_of(int directory, const char* path) {
  if (path == nullptr) return "";
  if (path[0] == '/') return path;
  if (directory != AT_FDCWD) return path_of(directory) + "/" + path;
  char here[PATH_MAX];
  return syscall(SYS_getcwd, here, sizeof here) > 0 ? std::string(here) + "/" + path : path;
}

[[noreturn]] void die() {
  syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
  for (;;) syscall(SYS_pause);
}

/// What is to happen at a call.
struct Fault {
  bool kill_after = false;
  bool half = false;  ///< of the bytes of a write
  int error = 0;
};

/// Counts and logs the call; kills or stops the process where that comes first.
Fault meet(const char* operation, const std::string& path, std::size_t bytes = 0) {
  static std::atomic<long> counter{0};
  static std::atomic<bool> disk_full{false};
  const Plan& faults = plan();
  const bool matches = faults.on && (faults.operation == "*" || faults.operation == operation) &&
                       path.find(faults.path_part) != std::string::npos;
  if (!matches) return {};
  const long number = ++counter;
  if (faults.log >= 0) {
    const std::string line =
        std::to_string(number) + " " + operation + " " + std::to_string(bytes) + " " + path + "\n";
    syscall(SYS_write, faults.log, line.data(), line.size());
  }
  const bool writes = std::strcmp(operation, "write") == 0;
  const bool takes_room =
      writes || std::strcmp(operation, "open") == 0 || std::strcmp(operation, "mkdir") == 0;
  if (disk_full && writes) return {.error = ENOSPC};
  if (number != faults.nth && !(faults.and_later && number > faults.nth)) return {};
  if (faults.action == "kill" || (faults.action == "kill-half" && !writes)) die();
  if (faults.action == "stop") syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
  if (faults.action == "short") disk_full = writes;
  return {.kill_after = faults.action == "kill-after" || faults.action == "kill-half",
          .half = writes && (faults.action == "kill-half" || faults.action == "short"),
          .error = faults.full && !takes_room ? 0 : faults.error};
}

/// Makes the call unless it is to fail.
template <typename Call>
long perform(const Fault& fault, const Call& call) {
  if (fault.error != 0) {
    errno = fault.error;
    return -1;
  }
  const long result = call();
  if (fault.kill_after) die();
  return result;
}

bool writes(int flags) { return (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) != 0; }

int open_at(int directory, const char* path, int flags, unsigned mode) {
  const Fault fault = writes(flags) ? meet("open", path_of(directory, path)) : Fault{};
  return static_cast<int>(
      perform(fault, [&] { return syscall(SYS_openat, directory, path, flags, mode); }));
}

std::FILE* open_stream(const char* name, const char* path, const char* mode) {
  if (std::strpbrk(mode, "wa+") != nullptr) {
    const Fault fault = meet("open", path_of(AT_FDCWD, path));
    if (perform(fault, [] { return 0L; }) != 0) return nullptr;
  }
  using Open = std::FILE* (*)(const char*, const char*);
  return reinterpret_cast<Open>(dlsym(RTLD_NEXT, name))(path, mode);
}

/// Half, but of a single byte that byte: a write of nothing would be tried again for ever.
std::size_t share(const Fault& fault, std::size_t bytes) {
  return fault.half ? std::min(bytes, bytes / 2 + (bytes < 2 ? 1 : 0)) : bytes;
}

unsigned mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, unsigned)
                                                                    : 0;
}

int rename_at(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) {
  const Fault fault =
      meet("rename", path_of(from_directory, from) + " -> " + path_of(to_directory, to));
  return static_cast<int>(perform(fault, [&] {
    return syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
  }));
}

int unlink_at(int directory, const char* path, int flags) {
  const Fault fault =
      meet((flags & AT_REMOVEDIR) != 0 ? "rmdir" : "unlink", path_of(directory, path));
  return static_cast<int>(
      perform(fault, [&] { return syscall(SYS_unlinkat, directory, path, flags); }));
}

}  // namespace

#define LOOPLINE_OPEN(flags, ...)                  \
  va_list arguments;                               \
  va_start(arguments, flags);                      \
  const unsigned mode = mode_of(flags, arguments); \
  va_end(arguments);                               \
  return open_at(__VA_ARGS__, path, (flags), mode)

extern "C" {

int open(const char* path, int flags, ...) { LOOPLINE_OPEN(flags, AT_FDCWD); }
int open64(const char* path, int flags, ...) { LOOPLINE_OPEN(flags, AT_FDCWD); }
int openat(int directory, const char* path, int flags, ...) { LOOPLINE_OPEN(flags, directory); }
int openat64(int directory, const char* path, int flags, ...) { LOOPLINE_OPEN(flags, directory); }
int creat(const char* path, mode_t mode) {
  return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}
int creat64(const char* path, mode_t mode) { return creat(path, mode); }
std::FILE* fopen(const char* path, const char* mode) { return open_stream("fopen", path, mode); }
std::FILE* fopen64(const char* path, const char* mode) {
  return open_stream("fopen64", path, mode);
}

ssize_t write(int descriptor, const void* bytes, std::size_t count) {
  const Fault fault = meet("write", path_of(descriptor), count);
  return perform(fault, [&] { return syscall(SYS_write, descriptor, bytes, share(fault, count)); });
}
ssize_t pwrite(int descriptor, const void* bytes, std::size_t count, off_t offset) {
  const Fault fault = meet("write", path_of(descriptor), count);
  return perform(
      fault, [&] { return syscall(SYS_pwrite64, descriptor, bytes, share(fault, count), offset); });
}
ssize_t pwrite64(int descriptor, const void* bytes, std::size_t count, off64_t offset) {
  return pwrite(descriptor, bytes, count, offset);
}
ssize_t writev(int descriptor, const struct iovec* parts, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  }
  const Fault fault = meet("write", path_of(descriptor), bytes.size());
  return perform(fault, [&]() -> long {
    if (fault.half) return syscall(SYS_write, descriptor, bytes.data(), share(fault, bytes.size()));
    return syscall(SYS_writev, descriptor, parts, count);
  });
}

int fsync(int descriptor) {
  const Fault fault = meet("sync", path_of(descriptor));
  return static_cast<int>(perform(fault, [&] { return syscall(SYS_fsync, descriptor); }));
}
int fdatasync(int descriptor) {
  const Fault fault = meet("sync", path_of(descriptor));
  return static_cast<int>(perform(fault, [&] { return syscall(SYS_fdatasync, descriptor); }));
}
int ftruncate(int descriptor, off_t size) noexcept {
  const Fault fault = meet("truncate", path_of(descriptor));
  return static_cast<int>(perform(fault, [&] { return syscall(SYS_ftruncate, descriptor, size); }));
}
int ftruncate64(int descriptor, off64_t size) noexcept { return ftruncate(descriptor, size); }

int rename(const char* from, const char* to) noexcept {
  return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) noexcept {
  return rename_at(from_directory, from, to_directory, to, 0);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
  return rename_at(from_directory, from, to_directory, to, flags);
}

int unlink(const char* path) noexcept { return unlink_at(AT_FDCWD, path, 0); }
int rmdir(const char* path) noexcept { return unlink_at(AT_FDCWD, path, AT_REMOVEDIR); }
int unlinkat(int directory, const char* path, int flags) noexcept {
  return unlink_at(directory, path, flags);
}
int remove(const char* path) noexcept {
  struct stat status = {};
  const bool is_directory = lstat(path, &status) == 0 && S_ISDIR(status.st_mode);
  return unlink_at(AT_FDCWD, path, is_directory ? AT_REMOVEDIR : 0);
}

int mkdir(const char* path, mode_t mode) noexcept {
  const Fault fault = meet("mkdir", path_of(AT_FDCWD, path));
  return static_cast<int>(
      perform(fault, [&] { return syscall(SYS_mkdirat, AT_FDCWD, path, mode); }));
}

}  // extern "C"
