#include "loopline/run/metrics.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/text.h"
#include "loopline/io/json.h"

namespace loopline::run {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::size_t kMaxLineBytes = std::size_t{64} << 20;
constexpr std::size_t kBlockBytes = 1 << 16;  // doubled for long lines

/// The object that a line holds; none when it is torn or never was one.
std::optional<json> parse_line(std::string_view text) {
  try {
    json value = io::parse_json(text, "");
    if (value.is_object()) {
      return value;
    }
  } catch (const Error&) {
  }
  return std::nullopt;
}

[[noreturn]] void fail_line(const std::string& where) {
  throw failure(where, "is not a JSON object", "remove the line or restore the file");
}

[[noreturn]] void fail_long_line(const fs::path& path) {
  throw failure(path.string(), "has a line of more than " + human_bytes(kMaxLineBytes));
}

/// The lines of a file from the last to the first, reading no more of it than is asked for.
class LinesBackwards {
 public:
  struct Line {
    std::uint64_t begin = 0;  ///< where it starts in the file
    std::string text;         ///< without its line break
    bool closed = false;      ///< whether it has one
  };

  explicit LinesBackwards(const fs::path& path) : path_(path), file_(path, std::ios::binary) {
    std::error_code reason;
    begin_ = fs::file_size(path, reason);
    if (reason || !file_) {
      throw failure(path.string(),
                    "cannot be read: " + (reason ? reason.message() : std::strerror(errno)));
    }
  }

  std::optional<Line> previous() {
    Line line;
    if (begin_ == 0 && tail_.empty()) {
      return std::nullopt;
    }
    if (tail_.empty()) {
      read_block();
    }
    line.closed = tail_.back() == '\n';
    if (line.closed) {
      tail_.pop_back();
    }
    std::size_t start = tail_.rfind('\n');
    while (start == std::string::npos && begin_ > 0) {
      read_block();
      start = tail_.rfind('\n');
    }
    start = start == std::string::npos ? 0 : start + 1;
    if (tail_.size() - start > kMaxLineBytes) {
      fail_long_line(path_);
    }
    line.begin = begin_ + start;
    line.text = tail_.substr(start);
    tail_.resize(start);
    return line;
  }

 private:
  void read_block() {
    if (tail_.size() > kMaxLineBytes) {
      fail_long_line(path_);
    }
    const std::uint64_t size = std::min<std::uint64_t>(begin_, std::max(kBlockBytes, tail_.size()));
    std::string block(size, '\0');
    begin_ -= size;
    file_.seekg(static_cast<std::streamoff>(begin_));
    file_.read(block.data(), static_cast<std::streamsize>(size));
    if (!file_) {
      throw failure(path_.string(), std::string("cannot be read: ") + std::strerror(errno));
    }
    tail_.insert(0, block);
  }

  fs::path path_;
  std::ifstream file_;
  std::uint64_t begin_ = 0;  ///< where tail_ starts in the file
  std::string tail_;         ///< what has been read and not handed out
};

std::int64_t iteration_of_line(const json& value, const fs::path& path, std::uint64_t begin) {
  const auto found = value.find("iteration");
  if (found == value.end() || !found->is_number_integer()) {
    throw failure(path.string(), "the line at byte " + std::to_string(begin) + " has no iteration",
                  "remove the line or restore the file");
  }
  return found->get<std::int64_t>();
}

}  // namespace

MetricsLog::MetricsLog(fs::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (!fs::exists(path_, ignored)) {
    write_file_atomically(path_, "");
  }
  append_durably(path_, "");  // a file that cannot be written is to be known at the start
  const auto last = LinesBackwards(path_).previous();
  if (!last) {
    return;
  }
  // A power cut may leave a line break after garbage, so the break proves nothing.
  if (!parse_line(last->text)) {
    truncate_durably(path_, last->begin);
  } else if (!last->closed) {
    append_durably(path_, "\n");
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
  LinesBackwards lines(path);
  std::optional<std::uint64_t> end;  // where what is kept ends, if anything goes
  for (bool last = true;; last = false) {
    const auto line = lines.previous();
    if (!line) {
      break;
    }
    const auto value = parse_line(line->text);
    if (!value && !last) {
      fail_line(path.string() + ": the line at byte " + std::to_string(line->begin));
    }
    if (value && iteration_of_line(*value, path, line->begin) <= iteration) {
      break;
    }
    end = line->begin;
  }
  if (end) {
    truncate_durably(path, *end);
  }
}

void MetricsLog::visit(const fs::path& path, const std::function<void(json)>& use) {
  std::int64_t number = 0;
  std::optional<std::int64_t> torn;  // only the last line may be
  std::string rest;
  const auto take = [&](std::string_view text) {
    ++number;
    if (torn) {
      fail_line(path.string() + ":" + std::to_string(*torn));
    }
    if (auto value = parse_line(text)) {
      use(std::move(*value));
    } else {
      torn = number;
    }
  };
  read_in_pieces(path, [&](std::string_view piece) {
    for (auto end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
      take(rest.append(piece.substr(0, end)));
      rest.clear();
      piece.remove_prefix(end + 1);
    }
    rest.append(piece);
    if (rest.size() > kMaxLineBytes) {
      fail_long_line(path);
    }
  });
  if (!rest.empty()) {
    take(rest);
  }
}

std::vector<json> MetricsLog::read(const fs::path& path) {
  std::vector<json> values;
  visit(path, [&](json value) { values.push_back(std::move(value)); });
  return values;
}

}  // namespace loopline::run
