#include "pass_progress.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "loopline/bandit/log_columns.h"

namespace loopline::bandit {
namespace {

// A shorter log is read before anyone wonders.
constexpr std::int64_t kRowsWorthABar = 1'000'000;

/// About how many rows the files have: text by the length of its first lines.
std::int64_t guessed_rows(const LogConfig& config) {
  double rows = 0;
  for (const std::string& file : config.files) {
    if (format_of(config, file) == LogFormat::kColumns) {
      rows += static_cast<double>(read_columns(file).rows);
      continue;
    }
    std::string text(1 << 20, '\0');
    std::ifstream stream(file, std::ios::binary);
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(stream.gcount()));
    const auto lines = static_cast<double>(std::count(text.begin(), text.end(), '\n'));
    if (text.empty()) continue;
    rows += lines / static_cast<double>(text.size()) *
            static_cast<double>(std::filesystem::file_size(file));
  }
  return static_cast<std::int64_t>(rows);
}

}  // namespace

PassProgress::PassProgress(run::Progress& progress, const LogConfig& config)
    : progress_(progress), total_(guessed_rows(config)) {}

void PassProgress::update(const std::string& pass, std::int64_t rows) {
  if (total_ < kRowsWorthABar) return;
  if (pass != pass_) {
    finish();
    progress_.start(pass, total_);
    pass_ = pass;
  }
  rows_ = rows;
  progress_.update(std::min(rows, total_ - 1), count_text());
}

void PassProgress::finish() {
  if (pass_.empty()) return;
  progress_.update(total_, count_text());
  progress_.finish();
  pass_.clear();
}

}  // namespace loopline::bandit
