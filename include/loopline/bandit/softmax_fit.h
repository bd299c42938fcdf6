#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace loopline::bandit {

/// Rows of a classification problem. `weight` >= 0; rows without weight do not matter.
struct WeightedLabels {
  std::size_t features = 0;
  std::vector<double> context{};  ///< `features` numbers a row
  std::vector<std::int64_t> label{};
  std::vector<double> weight{};
};

struct SoftmaxFit {
  std::vector<double> weight;  ///< [actions, features]
  std::vector<double> bias;    ///< [actions]
  int steps = 0;
  double slope = 0;  ///< the largest entry of the gradient in the end, over the sum of weights
};

/// Multinomial logistic regression: the least sum_i c_i (-ln softmax(W x_i + b)_{y_i}) + l2/2
/// (|W|^2
/// + |b|^2), by L-BFGS (Liu & Nocedal 1989) from 0 until `slope` <= 1e-5 or 200 steps are made:
/// what follows from it here are policies, of which any is a fair one. With c = r / pi_0 of a
/// bandit log its argmax is the policy that importance-weighted classification learns (Dudik et al.
/// 2011).
SoftmaxFit fit_softmax(const WeightedLabels& rows, std::size_t actions, double l2);

}  // namespace loopline::bandit
