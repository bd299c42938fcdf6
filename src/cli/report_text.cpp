#include "report_text.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "loopline/report/summary.h"

namespace loopline::cli {
namespace {

constexpr int kColumns = 120;  // where the output is no terminal

int terminal_columns() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kColumns;
}

}  // namespace

void print_report(const nlohmann::ordered_json& report, const std::filesystem::path& directory,
                  bool json) {
  if (report.is_null()) return;
  if (json) {
    std::printf("%s\n", report.dump(2).c_str());
    return;
  }
  std::printf("%s\n", report::terminal_text(report, terminal_columns()).c_str());
  std::printf("Report: %s (and report.json, report.csv)\n", (directory / "report.html").c_str());
}

}  // namespace loopline::cli
