#include "loopline/run/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/files.h"

namespace loopline::run {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Hands each object of a file's content to `use`, with its text (without the line break). A last
/// line that is no object is left out: its writer was killed (a power cut may leave a line break
/// after garbage, so the break proves nothing).
void for_each_line(std::string_view content, const fs::path& path,
                   const std::function<void(std::string_view text, json value)>& use) {
  for (std::int64_t number = 1; !content.empty(); ++number) {
    const std::size_t size = std::min(content.find('\n'), content.size());
    const std::string_view text = content.substr(0, size);
    content.remove_prefix(std::min(size + 1, content.size()));
    json value = json::parse(text, nullptr, false);
    if (value.is_object()) {
      use(text, std::move(value));
    } else if (!content.empty()) {
      throw failure(path.string() + ":" + std::to_string(number), "is not a JSON object",
                    "remove the line or restore the file");
    }
  }
}

[[noreturn]] void fail_append(const fs::path& path, int reason) {
  throw failure(path.string(), std::string("cannot be written: ") + std::strerror(reason));
}

/// Appends all of `bytes` durably, or nothing.
void append_durably(const fs::path& path, std::string_view bytes) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    fail_append(path, errno);
  }
  struct stat before = {};
  int reason = ::fstat(descriptor, &before) == 0 ? 0 : errno;
  while (reason == 0 && !bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0) {
      reason = errno == EINTR ? 0 : errno;
    } else {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  if (reason == 0 && ::fsync(descriptor) != 0 && errno != EINVAL) {
    reason = errno;
  }
  // When even this fails, the line is torn, which readers accept.
  const bool cut_back = reason != 0 && ::ftruncate(descriptor, before.st_size) == 0;
  static_cast<void>(cut_back);
  ::close(descriptor);
  if (reason != 0) {
    fail_append(path, reason);
  }
}

}  // namespace

MetricsLog::MetricsLog(fs::path path) : path_(std::move(path)) {
  append_durably(path_, "");
  const std::string content = read_file(path_);
  std::string complete;
  for_each_line(content, path_,
                [&](std::string_view text, const json&) { complete.append(text).append("\n"); });
  if (complete != content) {
    write_file_atomically(path_, complete);
  }
}

void MetricsLog::append(const nlohmann::ordered_json& metrics) { append_all({metrics}); }

void MetricsLog::append_all(const std::vector<nlohmann::ordered_json>& lines) {
  std::string text;
  for (const nlohmann::ordered_json& line : lines) {
    LOOPLINE_CHECK(line.is_object() && !line.empty() && line.begin().key() == "iteration" &&
                       line.begin()->is_number_integer(),
                   "a line begins with its iteration");
    text += line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
  }
  append_durably(path_, text);
}

void MetricsLog::cut_back(const fs::path& path, std::int64_t iteration) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return;
  }
  const std::string content = read_file(path);
  std::string kept;
  std::int64_t number = 0;
  for_each_line(content, path, [&](std::string_view text, const json& value) {
    ++number;
    const auto found = value.find("iteration");
    if (found == value.end() || !found->is_number_integer()) {
      throw failure(path.string() + ":" + std::to_string(number), "has no iteration");
    }
    if (found->get<std::int64_t>() <= iteration) {
      kept.append(text).append("\n");
    }
  });
  if (kept != content) {
    write_file_atomically(path, kept);
  }
}

void MetricsLog::visit(const fs::path& path, const std::function<void(json)>& use) {
  for_each_line(read_file(path), path,
                [&](std::string_view, json value) { use(std::move(value)); });
}

std::vector<json> MetricsLog::read(const fs::path& path) {
  std::vector<json> values;
  visit(path, [&](json value) { values.push_back(std::move(value)); });
  return values;
}

}  // namespace loopline::run
