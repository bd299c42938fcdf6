#include "loopline/bandit/policy.h"

#include <cmath>
#include <string>

#include "loopline/core/error.h"
#include "policy_rows.h"

namespace loopline::bandit {

void Policy::answer(const LogBlock& block, std::size_t row,
                    std::vector<double>& probability) const {
  fill(block, row, probability);
  double sum = 0;
  for (std::size_t a = 0; a < probability.size(); ++a) {
    const double p = probability[a];
    if (!(p >= 0 && p <= 1 + kProbabilityTolerance)) {
      throw Error(row_name(block, row), "the policy gives action " + std::to_string(a) +
                                            " the probability " + std::to_string(p));
    }
    sum += p;
  }
  if (std::abs(sum - 1) > kProbabilityTolerance) {
    throw Error(row_name(block, row),
                "the policy's probabilities sum to " + std::to_string(sum) + ", not 1");
  }
  checked_action(block, row, probability.size());
}

double Policy::logged(const LogBlock& block, std::size_t row) const {
  std::vector<double> probability;
  answer(block, row, probability);
  return probability[static_cast<std::size_t>(block.action[row])];
}

double ColumnPolicy::logged(const LogBlock& block, std::size_t row) const {
  if (block.target.empty()) {
    throw Error("policy.kind 'column'", "the log has no column of the policy's probabilities",
                "name it as log.target, or choose another policy");
  }
  return block.target[row];
}

void ColumnPolicy::fill(const LogBlock&, std::size_t, std::vector<double>&) const {
  LOOPLINE_CHECK(false, "the column answers for the logged action alone");
}

double UniformPolicy::logged(const LogBlock& block, std::size_t row) const {
  const std::size_t count = choices_of_row(block, row, actions_);
  checked_action(block, row, count);
  return 1 / static_cast<double>(count);
}

void UniformPolicy::fill(const LogBlock& block, std::size_t row,
                         std::vector<double>& probability) const {
  const std::size_t count = choices_of_row(block, row, actions_);
  probability.assign(count, 1 / static_cast<double>(count));
}

void EpsilonPolicy::fill(const LogBlock& block, std::size_t row,
                         std::vector<double>& probability) const {
  greedy_->answer(block, row, probability);
  const double share = epsilon_ / static_cast<double>(probability.size());
  for (double& p : probability) p = (1 - epsilon_) * p + share;
}

}  // namespace loopline::bandit
