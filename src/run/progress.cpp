#include "loopline/run/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace loopline::run {

namespace {

class SilentProgress : public Progress {
 public:
  void start(const std::string&, std::int64_t, std::int64_t) override {}
  void update(std::int64_t, const std::string&) override {}
  void within(double, const std::string&) override {}
  void note(const std::string&) override {}
  void finish() override {}
};

int standard_error_columns() {
  struct winsize size = {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

bool standard_error_takes_escapes() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace

std::unique_ptr<Progress> silent_progress() { return std::make_unique<SilentProgress>(); }

std::unique_ptr<Progress> terminal_progress() {
  ProgressOutput output;
  output.write = [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  };
  output.seconds = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  output.columns = standard_error_columns;
  return standard_error_takes_escapes() ? bar_progress(std::move(output))
                                        : line_progress(std::move(output));
}

}  // namespace loopline::run
