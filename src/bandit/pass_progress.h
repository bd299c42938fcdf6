#pragma once

#include <cstdint>
#include <string>

#include "loopline/bandit/log_config.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

/// Tells a person how far the passes over a long log are.
class PassProgress {
 public:
  PassProgress(run::Progress& progress, const LogConfig& config);

  void update(const std::string& pass, std::int64_t rows);
  /// The total was a guess; what has been read is all.
  void finish();

 private:
  std::string count_text() const { return rows_ > 0 ? std::to_string(rows_) + " rows" : ""; }

  run::Progress& progress_;
  std::int64_t total_, rows_ = 0;
  std::string pass_;
};

}  // namespace loopline::bandit
