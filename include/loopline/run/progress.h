#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace loopline::run {

/// How long work tells a person where it is. The library calls it and never prints.
class Progress {
 public:
  virtual ~Progress() = default;
  /// A stage with `total` units begins ("training", "evaluating rl").
  virtual void start(const std::string& stage, std::int64_t total) = 0;
  /// `done` units of the current stage are finished; `text` is a short summary ("reward 0.612").
  virtual void update(std::int64_t done, const std::string& text) = 0;
  /// Something moves inside the current unit (0..1); only a bar shows it.
  virtual void within(double fraction, const std::string& activity) = 0;
  /// A line worth keeping above the bar.
  virtual void note(const std::string& line) = 0;
  virtual void finish() = 0;
};

/// Says nothing.
std::unique_ptr<Progress> silent_progress();

/// On standard error: a redrawn bar with percentage, summary and time left when it is a terminal, plain lines (one
/// an update, at most one every few seconds, the first and the last always) when it is not.
std::unique_ptr<Progress> terminal_progress();

}  // namespace loopline::run
