#include "loopline/run/metrics.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
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

struct MetricsLine {
  std::string_view text;  ///< without the line break
  json value;
};

/// The objects of a file's content. A last line that is no object is left out: its writer was
/// killed (a power cut may leave a line break after garbage, so the break proves nothing).
std::vector<MetricsLine> parse_lines(std::string_view content, const fs::path& path) {
  std::vector<MetricsLine> lines;
  while (!content.empty()) {
    const std::size_t size = std::min(content.find('\n'), content.size());
    MetricsLine line = {content.substr(0, size), {}};
    content.remove_prefix(std::min(size + 1, content.size()));
    line.value = json::parse(line.text, nullptr, false);
    if (line.value.is_object()) {
      lines.push_back(std::move(line));
    } else if (!content.empty()) {
      throw failure(path.string() + ":" + std::to_string(lines.size() + 1), "is not a JSON object",
                    "remove the line or restore the file");
    }
  }
  return lines;
}

std::string joined(const std::vector<MetricsLine>& lines) {
  std::string content;
  for (const MetricsLine& line : lines) {
    content.append(line.text).append("\n");
  }
  return content;
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
  const std::string complete = joined(parse_lines(content, path_));
  if (complete != content) {
    write_file_atomically(path_, complete);
  }
}

void MetricsLog::append(const nlohmann::ordered_json& metrics) {
  LOOPLINE_CHECK(metrics.is_object() && !metrics.empty() && metrics.begin().key() == "iteration" &&
                     metrics.begin()->is_number_integer(),
                 "metrics begin with their iteration");
  append_durably(path_, metrics.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
}

void MetricsLog::cut_back(const fs::path& path, std::int64_t iteration) {
  std::error_code ignored;
  if (!fs::exists(path, ignored)) {
    return;
  }
  const std::string content = read_file(path);
  std::vector<MetricsLine> lines = parse_lines(content, path);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto found = lines[i].value.find("iteration");
    if (found == lines[i].value.end() || !found->is_number_integer()) {
      throw failure(path.string() + ":" + std::to_string(i + 1), "has no iteration");
    }
  }
  std::erase_if(lines, [&](const MetricsLine& line) {
    return line.value["iteration"].get<std::int64_t>() > iteration;
  });
  const std::string kept = joined(lines);
  if (kept != content) {
    write_file_atomically(path, kept);
  }
}

std::vector<json> MetricsLog::read(const fs::path& path) {
  const std::string content = read_file(path);
  std::vector<json> values;
  for (MetricsLine& line : parse_lines(content, path)) {
    values.push_back(std::move(line.value));
  }
  return values;
}

}  // namespace loopline::run
