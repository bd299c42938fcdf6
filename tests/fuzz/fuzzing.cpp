#include "fuzzing.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace loopline::fuzz {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLongestMessage = 4096;

class Directory {
 public:
  Directory() {
    std::string name = (fs::temp_directory_path() / "loopline_fuzz_XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "the temporary directory can be written");
    path_ = name;
  }
  ~Directory() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

std::pair<std::string, std::string> split_at_zero(const std::string& text) {
  const std::size_t zero = std::min(text.find('\0'), text.size());
  return {text.substr(0, zero), text.substr(std::min(zero + 1, text.size()))};
}

void require(bool condition, const std::string& property) {
  if (condition) return;
  std::fprintf(stderr, "does not hold: %s\n", property.c_str());
  std::abort();
}

void require_fit_message(std::string_view message) {
  const bool is_plain = std::none_of(message.begin(), message.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  require(is_plain, "an error message holds no control characters");
  require(message.size() <= kLongestMessage, "an error message is short");
}

const fs::path& scratch_directory() {
  static const Directory directory;
  return directory.path();
}

fs::path scratch_file(const std::string& name, std::string_view bytes) {
  fs::path path = scratch_directory() / name;
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  require(file >= 0, "a scratch file can be opened");
  const ssize_t written = ::write(file, bytes.data(), bytes.size());
  require(written == static_cast<ssize_t>(bytes.size()), "a scratch file can be written");
  ::close(file);
  return path;
}

}  // namespace loopline::fuzz
