#pragma once

#include <vector>

#include "loopline/bandit/policy.h"

namespace loopline::bandit {

/// Always the action with the largest W x + b, the first one of equals.
class ArgmaxPolicy : public Policy {
 public:
  /// `weight`: [actions, features]; `bias`: [actions].
  ArgmaxPolicy(std::vector<double> weight, std::vector<double> bias)
      : weight_(std::move(weight)), bias_(std::move(bias)) {}

 protected:
  void fill(const LogBlock& block, std::size_t row,
            std::vector<double>& probability) const override;

 private:
  std::vector<double> weight_, bias_;
};

}  // namespace loopline::bandit
