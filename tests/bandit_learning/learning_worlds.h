#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "loopline/bandit_learning/gradient.h"
#include "loopline/core/random.h"

namespace loopline::bandit_learning {

inline at::Tensor uniform_tensor(std::uint64_t seed, std::vector<std::int64_t> shape,
                                 double low = 0, double high = 1) {
  at::Tensor values = at::zeros(shape, at::kDouble);
  fill_uniform({.seed = seed, .stream = Stream::kSample},
               {values.data_ptr<double>(), static_cast<std::size_t>(values.numel())});
  return values.mul_(high - low).add_(low);
}

/// Index of each row of `p` [n, k] that a uniform number falls upon.
inline at::Tensor drawn(const at::Tensor& p, const at::Tensor& uniform) {
  return (p.cumsum(1) < uniform.unsqueeze(1)).sum(1).clamp_max(p.size(1) - 1);
}

/// Contexts in [-1, 1]^d, rewards 1 with a chance that is logistic in them, a softmax logging
/// policy.
struct LogisticWorld {
  std::int64_t features = 3, actions = 4;
  double logging_slope = 1;  ///< of the true chances; below 0 the logging policy is a bad one
  double reward_slope = 2;   ///< 0: all actions are alike

  at::Tensor chance(const at::Tensor& x) const {
    const at::Tensor weight = uniform_tensor(91, {actions, features}, -1, 1);
    return at::sigmoid(reward_slope * at::mm(x, weight.t()));
  }
  at::Tensor logging(const at::Tensor& x) const {
    return at::softmax(logging_slope * chance(x), 1);
  }

  LearningRows draw(std::uint64_t seed, std::int64_t n, bool has_model = false) const {
    LearningRows rows;
    rows.features = uniform_tensor(seed, {n, features}, -1, 1);
    const at::Tensor chances = chance(rows.features), pi_0 = logging(rows.features);
    rows.action = drawn(pi_0, uniform_tensor(seed + 1000, {n}));
    const at::Tensor action = rows.action.unsqueeze(1);
    rows.propensity = pi_0.gather(1, action).squeeze(1);
    const at::Tensor logged = chances.gather(1, action).squeeze(1);
    rows.reward = (uniform_tensor(seed + 2000, {n}) < logged).to(at::kDouble);
    if (has_model) rows.model = 0.8 * chances + 0.05;
    return rows;
  }
  /// Exact value of a policy's probabilities at contexts x.
  double value(const at::Tensor& x, const at::Tensor& p) const {
    return (p * chance(x)).sum(1).mean().item<double>();
  }
};

/// A network that is not at its beginning, where all actions are alike.
inline SoftmaxNetwork moved_network(const NetworkShape& shape, std::uint64_t seed = 5) {
  SoftmaxNetwork network(shape, seed);
  const at::Tensor& all = network.parameters();
  all.add_(uniform_tensor(seed + 1, {all.numel()}, -0.5, 0.5));
  return network;
}

}  // namespace loopline::bandit_learning
