#include "loopline/bandit/argmax_policy.h"

#include "loopline/core/error.h"

namespace loopline::bandit {

void ArgmaxPolicy::fill(const LogBlock& block, std::size_t row,
                        std::vector<double>& probability) const {
  LOOPLINE_CHECK(block.features * bias_.size() == weight_.size(),
                 "a policy is asked about the features that it was fitted to");
  const double* x = block.context.data() + row * block.features;
  std::size_t best = 0;
  double most = 0;
  for (std::size_t a = 0; a < bias_.size(); ++a) {
    double score = bias_[a];
    for (std::size_t j = 0; j < block.features; ++j) {
      score += weight_[a * block.features + j] * x[j];
    }
    if (a > 0 && !(score > most)) continue;
    most = score;
    best = a;
  }
  probability.assign(bias_.size(), 0.0);
  probability[best] = 1;
}

}  // namespace loopline::bandit
