#include "loopline/core/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/core/file_system.h"
#include "loopline/core/text.h"

namespace loopline {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporaryPrefix = ".unfinished-";
constexpr const char* kNotWritten = "cannot be written";

/// What a path is to be called once it is finished: ".unfinished-12-0-model.pt" is "model.pt".
fs::path finished_name(const fs::path& path) {
  fs::path finished;
  for (const fs::path& part : path) {
    std::string name = part.string();
    while (name.starts_with(kTemporaryPrefix)) {
      const std::size_t process = kTemporaryPrefix.size();
      name.erase(0, name.find('-', name.find('-', process) + 1) + 1);
    }
    finished /= name;
  }
  return finished;
}

[[noreturn]] void fail(const fs::path& path, const std::string& what, int reason) {
  throw failure(finished_name(path).string(), what + ": " + std::strerror(reason));
}

/// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) {
      file_system().close(number_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

/// Removes a temporary file or directory unless it has been renamed away.
class RemovedOnExit {
 public:
  explicit RemovedOnExit(fs::path path) : path_(std::move(path)) {}
  ~RemovedOnExit() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  RemovedOnExit(const RemovedOnExit&) = delete;
  RemovedOnExit& operator=(const RemovedOnExit&) = delete;

 private:
  fs::path path_;
};

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// "runs/a/" names the same thing as "runs/a", but has no file name to build a sibling from.
fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() || !path.has_parent_path() ? path : path.parent_path();
}

bool something_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(fs::symlink_status(path, ignored));
}

/// The file name, or its end when it leaves no room for a prefix.
std::string end_of_name(const fs::path& path) {
  constexpr std::size_t kLongest = 200;  // of the 255 that file systems allow
  const std::string name = path.filename().string();
  return name.size() <= kLongest ? name : name.substr(name.size() - kLongest);
}

/// A sibling that no other thread or living process uses.
fs::path temporary_sibling(const fs::path& path) {
  static std::atomic<std::uint64_t> counter{0};
  for (;;) {
    fs::path sibling =
        parent_of(path) / (std::string(kTemporaryPrefix) + std::to_string(::getpid()) + "-" +
                           std::to_string(counter++) + "-" + end_of_name(path));
    if (!something_exists(sibling)) {
      return sibling;
    }
  }
}

/// Forces a file's content, or a directory's list of names, to the disk.
void sync_path(const fs::path& path, const fs::path& reported) {
  const Descriptor descriptor(file_system().open(path.c_str(), O_RDONLY));
  if (!descriptor.is_open()) {
    fail(reported, kNotWritten, errno);
  }
  // EINVAL: some network file systems cannot sync a directory.
  if (file_system().sync(descriptor.number()) != 0 && errno != EINVAL) {
    fail(reported, kNotWritten, errno);
  }
}

void sync_tree(const fs::path& directory, const fs::path& reported) {
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() || entry.is_directory()) {
      sync_path(entry.path(), reported);
    }
  }
  sync_path(directory, reported);
}

void fill_directory(const fs::path& temporary, const std::function<void(const fs::path&)>& fill,
                    const fs::path& reported) {
  if (file_system().make_directory(temporary.c_str()) != 0) {
    fail(reported, "cannot be created", errno);
  }
  fill(temporary);
  sync_tree(temporary, reported);
}

/// Writes all of `bytes`; 0, or the reason why not.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = file_system().write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return errno;
    }
    bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
  }
  return 0;
}

/// What a rename is to replace: the file behind a link, and never a device.
fs::path replaceable(const fs::path& path) {
  std::error_code reason;
  const fs::file_status status = fs::status(path, reason);
  if (!fs::exists(status)) {
    return path;
  }
  if (!fs::is_regular_file(status)) {
    throw failure(path.string(), fs::is_directory(status) ? "is a directory, not a file"
                                                          : "is not a regular file");
  }
  return fs::is_symlink(path) ? fs::canonical(path) : path;
}

}  // namespace

void rename_durably(const fs::path& from, const fs::path& to) {
  if (file_system().rename(from.c_str(), to.c_str()) != 0) {
    fail(to, "cannot be replaced", errno);
  }
  sync_path(parent_of(to), to);
}

void read_in_pieces(const fs::path& path, const std::function<void(std::string_view)>& take) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor.is_open()) {
    fail(path, "cannot be read", errno);
  }
  std::vector<char> buffer(1 << 18);
  for (;;) {
    const ssize_t got = ::read(descriptor.number(), buffer.data(), buffer.size());
    if (got > 0) {
      take(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
    } else if (got == 0) {
      return;
    } else if (errno != EINTR) {
      fail(path, "cannot be read", errno);
    }
  }
}

std::string read_file(const fs::path& path, std::uint64_t max_bytes) {
  std::string bytes;
  read_in_pieces(path, [&](std::string_view piece) {
    if (piece.size() > max_bytes - bytes.size()) {
      throw failure(path.string(), "is larger than " + human_bytes(static_cast<double>(max_bytes)));
    }
    bytes.append(piece);
  });
  return bytes;
}

FileWriter::FileWriter(fs::path path)
    : path_(std::move(path)),
      descriptor_(file_system().open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC)) {
  if (descriptor_ < 0) {
    fail(path_, kNotWritten, errno);
  }
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) {
    file_system().close(descriptor_);
  }
}

void FileWriter::write(std::string_view bytes) {
  if (const int reason = write_all(descriptor_, bytes); reason != 0) {
    fail(path_, kNotWritten, reason);
  }
}

void FileWriter::close() {
  if (file_system().close(std::exchange(descriptor_, -1)) != 0) {
    fail(path_, kNotWritten, errno);
  }
}

void append_durably(const fs::path& path, std::string_view bytes) {
  const Descriptor descriptor(file_system().open(path.c_str(), O_WRONLY | O_APPEND));
  if (!descriptor.is_open()) {
    fail(path, kNotWritten, errno);
  }
  struct stat before = {};
  int reason = ::fstat(descriptor.number(), &before) == 0 ? 0 : errno;
  if (reason == 0) {
    reason = write_all(descriptor.number(), bytes);
  }
  if (reason == 0 && file_system().sync(descriptor.number()) != 0 && errno != EINVAL) {
    reason = errno;
  }
  if (reason != 0) {
    file_system().truncate(descriptor.number(), before.st_size);
    fail(path, kNotWritten, reason);
  }
}

void truncate_durably(const fs::path& path, std::uint64_t size) {
  const Descriptor descriptor(file_system().open(path.c_str(), O_WRONLY));
  if (!descriptor.is_open() ||
      file_system().truncate(descriptor.number(), static_cast<off_t>(size)) != 0 ||
      (file_system().sync(descriptor.number()) != 0 && errno != EINVAL)) {
    fail(path, kNotWritten, errno);
  }
}

void write_file_atomically(const fs::path& path, std::string_view bytes) {
  write_file_atomically(path, [&](const fs::path& temporary) {
    FileWriter file(temporary);
    file.write(bytes);
    file.close();
  });
}

void write_file_atomically(const fs::path& path,
                           const std::function<void(const fs::path&)>& write) {
  const fs::path target = replaceable(path);
  const fs::path temporary = temporary_sibling(target);
  const RemovedOnExit cleanup(temporary);
  write(temporary);
  sync_path(temporary, path);
  rename_durably(temporary, target);
}

void write_directory_atomically(const fs::path& path,
                                const std::function<void(const fs::path&)>& fill) {
  const fs::path target = without_trailing_slash(path);
  if (something_exists(target)) {
    throw failure(path.string(), "already exists");
  }
  const fs::path temporary = temporary_sibling(target);
  const RemovedOnExit cleanup(temporary);
  fill_directory(temporary, fill, path);
  rename_durably(temporary, target);
}

void replace_directory_atomically(const fs::path& path,
                                  const std::function<void(const fs::path&)>& fill) {
  const fs::path target = without_trailing_slash(path);
  const fs::path temporary = temporary_sibling(target);
  const RemovedOnExit cleanup(temporary);  // after an exchange this is the old directory
  fill_directory(temporary, fill, path);
  if (something_exists(target)) {
    if (file_system().exchange(temporary.c_str(), target.c_str()) == 0) {
      sync_path(parent_of(target), path);
      return;
    }
    remove_atomically(target);
  }
  rename_durably(temporary, target);
}

bool is_temporary(const fs::path& path) {
  return path.filename().string().starts_with(kTemporaryPrefix);
}

void remove_unfinished(const fs::path& directory) {
  std::error_code ignored;
  std::vector<fs::path> unfinished;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, ignored)) {
    if (is_temporary(entry.path())) {
      unfinished.push_back(entry.path());
    }
  }
  for (const fs::path& path : unfinished) {
    fs::remove_all(path, ignored);
  }
}

void remove_atomically(const fs::path& path) {
  const fs::path target = without_trailing_slash(path);
  const fs::path temporary = temporary_sibling(target);
  if (file_system().rename(target.c_str(), temporary.c_str()) != 0) {
    if (errno == ENOENT) {
      return;
    }
    fail(path, "cannot be removed", errno);
  }
  std::error_code reason;
  fs::remove_all(temporary, reason);
  if (reason) {
    fail(path, "cannot be removed", reason.value());
  }
}

void make_directories(const fs::path& path) {
  std::error_code reason;
  fs::create_directories(without_trailing_slash(path), reason);
  if (reason) {
    throw failure(path.string(), "cannot be created: " + reason.message());
  }
}

}  // namespace loopline
