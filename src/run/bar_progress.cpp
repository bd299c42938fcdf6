#include <algorithm>
#include <string_view>

#include "loopline/core/log.h"
#include "visible_progress.h"

namespace loopline::run {

namespace {

constexpr double kSecondsBetweenRedraws = 0.1;
constexpr std::size_t kWidestBar = 30;
constexpr std::size_t kNarrowestBar = 8;
constexpr const char* kClearLine = "\r\x1b[K";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Columns of UTF-8 text, one a code point.
std::size_t columns_of(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues_character));
}

std::string cut_to(std::string text, std::size_t columns) {
  std::size_t end = 0;
  while (end < text.size() && (columns > 0 || continues_character(text[end]))) {
    columns -= continues_character(text[end]) ? 0 : 1;
    ++end;
  }
  text.resize(end);
  return text;
}

std::string bar_of(double share, std::size_t width) {
  const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
  std::string bar(width, ' ');
  std::fill_n(bar.begin(), filled, '=');
  if (filled < width) {
    bar[filled] = '>';
  }
  return "[" + bar + "]";
}

/// The line of a stage on a terminal of `columns`. The bar takes what the words leave; then the
/// bar goes, then the end of the words.
std::string bar_line(const Stage& stage, double now, std::size_t columns) {
  const std::string head = stage.name + " " + stage.percentage();
  std::string tail = stage.count();
  for (const std::string& part : {stage.text, stage.time(now), stage.activity}) {
    tail += part.empty() ? "" : "  " + part;
  }
  const std::size_t room = columns > 1 ? columns - 1 : 1;            // the last column would wrap
  const std::size_t used = columns_of(head) + columns_of(tail) + 4;  // two spaces, two brackets
  if (room < used + kNarrowestBar) {
    return cut_to(head + " " + tail, room);
  }
  return head + " " + bar_of(stage.share(), std::min(kWidestBar, room - used)) + " " + tail;
}

class BarProgress : public VisibleProgress {
 public:
  explicit BarProgress(ProgressOutput output) : VisibleProgress(std::move(output)) {
    set_log_writer([this](const std::string& line) { note(line); });
  }

  /// An exception may end the work inside a stage: what follows begins on its own line.
  ~BarProgress() override {
    set_log_writer({});
    BarProgress::finish();
  }

 private:
  void started() override { draw(); }

  void updated() override {
    if (stage().done >= stage().total || due()) {
      draw();
    }
  }

  void moved() override {
    if (due()) {
      draw();
    }
  }

  void noted(const std::string& line) override {
    output().write((active() ? kClearLine : "") + line + "\n");
    if (active()) {
      draw();
    }
  }

  void finished() override {
    draw();
    output().write("\n");
  }

  bool due() const { return output().seconds() - drawn_ >= kSecondsBetweenRedraws; }

  void draw() {
    drawn_ = output().seconds();
    const auto columns = static_cast<std::size_t>(std::max(1, output().columns()));
    output().write(kClearLine + bar_line(stage(), drawn_, columns));
  }

  double drawn_ = 0;
};

}  // namespace

std::unique_ptr<Progress> bar_progress(ProgressOutput output) {
  return std::make_unique<BarProgress>(std::move(output));
}

}  // namespace loopline::run
