#pragma once

#include <string>

#include "loopline/bandit/weighted_moments.h"

namespace loopline::bandit {

/// A number subtracted from every reward, and why it is not the formula's where it is not.
struct Baseline {
  double value = 0;
  std::string note{};
};

/// The b for which the mean of b + w (r - b) varies least, Cov(w r, w) / Var(w); Gupta, Jeunen,
/// Oosterhuis & de Rijke, RecSys 2024 (arXiv 2405.05736). Terms: plain r, product w r, control w.
/// Where all weights are equal every b does the same: the mean reward, with a note.
Baseline value_optimal_baseline(const WeightedMoments& moments);

/// The same b as the paper prints it, sum (w^2 - w) r / sum (w^2 - w): equal in expectation, where
/// E w = 1. On a sample its denominator can be 0 or negative when most weights are below 1, and
/// then it explodes. For parity with the paper's tables; nothing here uses it.
double paper_baseline(const WeightedMoments& moments);

/// The best baseline of a difference of weights, whose expectation is 0 rather than 1:
/// E[w_d^2 r] / E[w_d^2]. Where the policies agree on every row it is 0, with a note.
Baseline difference_baseline(const WeightedMoments& moments);

}  // namespace loopline::bandit
