#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace loopline::run {

/// How long work tells a person where it is. The library calls it and never prints.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A stage with `total` units begins ("training", "evaluating rl"); `done` of them were finished
  /// before, by the run that is resumed, and tell nothing about the speed of this one.
  virtual void start(const std::string& stage, std::int64_t total, std::int64_t done = 0) = 0;
  /// `done` units of the current stage are finished; `text` is a short summary ("reward 0.612").
  virtual void update(std::int64_t done, const std::string& text) = 0;
  /// Something moves inside the current unit (0..1); only a bar shows it.
  virtual void within(double fraction, const std::string& activity) = 0;
  /// A line worth keeping above the bar.
  virtual void note(const std::string& line) = 0;
  /// The stage ends, complete or not.
  virtual void finish() = 0;
};

/// Says nothing.
std::unique_ptr<Progress> silent_progress();

/// On standard error: a bar redrawn at most ten times a second, with percentage, summary, elapsed
/// time and time left, when it is a terminal; plain lines (one an update, at most one every few
/// seconds, the first and the last always) when it is not. While a bar is there, log lines go above
/// it.
std::unique_ptr<Progress> terminal_progress();

/// Where progress is shown and by which clock; terminal_progress() binds standard error.
struct ProgressOutput {
  std::function<void(std::string_view text)> write;
  std::function<double()> seconds;  ///< a clock that only goes forward
  std::function<int()> columns;     ///< width of the terminal; asked again for every redraw
};
std::unique_ptr<Progress> bar_progress(ProgressOutput output);
std::unique_ptr<Progress> line_progress(ProgressOutput output);

}  // namespace loopline::run
