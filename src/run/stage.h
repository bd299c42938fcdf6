#pragma once

#include <cstdint>
#include <string>

namespace loopline::run {

/// What is known about the current stage of some work, and how it reads. Times are seconds of the
/// output's clock.
struct Stage {
  std::string name;
  std::int64_t total = 0;
  std::int64_t done_before = 0;  ///< by a run that is resumed
  std::int64_t done = 0;
  double started = 0;
  double within = 0;  ///< share of the current unit
  std::string text = {};
  std::string activity = {};

  double share() const;
  std::string percentage() const;      ///< " 42%", rounded down: 100% means finished
  std::string count() const;           ///< "42/100"
  std::string time(double now) const;  ///< "1 min 02 s, 4 min 10 s left", once there is an estimate
};

}  // namespace loopline::run
