#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <string>
#include <vector>

#include "loopline/io/prompt.h"
#include "loopline/report/cell.h"
#include "loopline/train/evaluation.h"

namespace loopline::experiment {

/// The mean of every metric over each prompt's images.
report::SplitScores scores_by_prompt(const train::Split& split, const train::SplitValues& values);

/// Keeps the worst images that it sees: lowest by the first judge's first component, images alike
/// in that by reward; without judges by reward alone.
class WorstImages {
 public:
  explicit WorstImages(std::size_t count) : count_(count) {}
  void see(const std::string& split, const at::Tensor& images,
           const std::vector<io::Prompt>& prompts, const train::Verdict& verdict);

  /// Worst first.
  std::vector<report::Failure> failures() const;

 private:
  struct Entry {
    double judge, reward;
    report::Failure failure;
  };
  static bool worse(const Entry& a, const Entry& b);

  std::size_t count_;
  std::vector<Entry> entries_;  ///< sorted
};

}  // namespace loopline::experiment
