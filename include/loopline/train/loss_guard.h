#pragma once

#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>

namespace loopline::train {

/// Tells losses that stand out from the latest ones: one broken batch can undo hours of training.
class LossGuard {
 public:
  static constexpr std::size_t kWindow = 64;  ///< losses remembered
  static constexpr std::size_t kNeeded = 16;  ///< before anything is told

  /// `deviations`: how many standard deviations from their mean are too many.
  explicit LossGuard(double deviations) : deviations_(deviations) {}

  /// Whether an update with this loss is to be made; remembers it if so. A loss that is not finite
  /// passes without being remembered: the optimiser has its own guard against that. When all
  /// remembered losses are equal nothing stands out.
  bool accepts(double loss);

  /// How many losses were not accepted so far.
  std::int64_t rejected() const { return rejected_; }

  /// For checkpoints.
  nlohmann::json state() const;
  void load_state(const nlohmann::json& state);

 private:
  double deviations_;
  std::deque<double> latest_;
  std::int64_t rejected_ = 0;
};

}  // namespace loopline::train
