#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "loopline/bandit/weighted_rows.h"
#include "loopline/core/random.h"

namespace loopline::bandit {

/// The eight rows that golden numbers were worked out on by hand.
inline WeightedRows eight_rows() {
  WeightedRows rows;
  rows.weight = {0, 2, .5, 1.5, 3, .25, 1, .75};
  rows.reward = {1, 0, 1, 1, 0, 1, 0, 1};
  return rows;
}

/// Rows from .. to - 1 as a block of their own.
inline WeightedRows part_of(const WeightedRows& rows, std::size_t from, std::size_t to) {
  const auto cut = [&](const auto& column) {
    using Column = std::decay_t<decltype(column)>;
    if (column.empty()) return Column{};
    return Column(column.begin() + static_cast<std::ptrdiff_t>(from),
                  column.begin() + static_cast<std::ptrdiff_t>(to));
  };
  return {.first_row = rows.first_row + static_cast<std::int64_t>(from),
          .weight = cut(rows.weight),
          .reward = cut(rows.reward),
          .model_logged = cut(rows.model_logged),
          .model_policy = cut(rows.model_policy),
          .multiplicity = cut(rows.multiplicity),
          .cluster = cut(rows.cluster),
          .logger = cut(rows.logger)};
}

inline std::vector<WeightedRows> blocks_of(const WeightedRows& rows, std::size_t block) {
  std::vector<WeightedRows> blocks;
  for (std::size_t from = 0; from < rows.size(); from += block) {
    blocks.push_back(part_of(rows, from, std::min(from + block, rows.size())));
  }
  return blocks;
}

/// A log of a softmax policy over a few actions, weighed for another one, and a poor reward model.
struct SoftmaxWorld {
  std::vector<double> quality = {.1, .25, .4, .55, .7, .85};
  double logging_slope = 0;
  double target_slope = 0;

  std::vector<double> policy(double slope) const {
    std::vector<double> p;
    double sum = 0;
    for (const double q : quality) {
      p.push_back(std::exp(slope * q));
      sum += p.back();
    }
    for (double& value : p) value /= sum;
    return p;
  }

  double value(double slope) const {
    double sum = 0;
    const std::vector<double> p = policy(slope);
    for (std::size_t a = 0; a < p.size(); ++a) sum += p[a] * quality[a];
    return sum;
  }

  double truth() const { return value(target_slope); }

  double largest_weight() const {
    const std::vector<double> logging = policy(logging_slope);
    const std::vector<double> target = policy(target_slope);
    double most = 0;
    for (std::size_t a = 0; a < logging.size(); ++a) most = std::max(most, target[a] / logging[a]);
    return most;
  }

  static double model(double quality) { return .2 + .5 * quality; }

  WeightedRows draw(std::uint32_t run, std::size_t count) const {
    const std::vector<double> logging = policy(logging_slope);
    const std::vector<double> target = policy(target_slope);
    std::vector<double> uniform(2 * count);
    fill_uniform({.seed = 21, .stream = Stream::kSample, .iteration = run}, uniform);
    WeightedRows rows;
    for (std::size_t i = 0; i < count; ++i) {
      double left = uniform[2 * i];
      std::size_t action = 0;
      while (action + 1 < logging.size() && left >= logging[action]) left -= logging[action++];
      rows.weight.push_back(target[action] / logging[action]);
      rows.reward.push_back(uniform[2 * i + 1] < quality[action] ? 1 : 0);
      rows.model_logged.push_back(model(quality[action]));
      rows.model_policy.push_back(model(truth()));  // the model is linear in the quality
    }
    return rows;
  }
};

/// Weights with a Pareto tail P(w > t) = (scale / t)^shape and mean 1, without a largest one. The
/// reward is likelier where the weight is above 1.
struct ParetoWorld {
  double shape = 2.5;

  double scale() const { return (shape - 1) / shape; }

  double truth() const {
    const double above = shape / (shape - 1) * std::pow(scale(), shape);  // E[w; w >= 1]
    return .3 * (1 - above) + .6 * above;
  }

  WeightedRows draw(std::uint32_t run, std::size_t count) const {
    std::vector<double> uniform(2 * count);
    fill_uniform({.seed = 22, .stream = Stream::kSample, .iteration = run}, uniform);
    WeightedRows rows;
    for (std::size_t i = 0; i < count; ++i) {
      const double w = scale() * std::pow(1 - uniform[2 * i], -1 / shape);
      rows.weight.push_back(w);
      rows.reward.push_back(uniform[2 * i + 1] < (w < 1 ? .3 : .6) ? 1 : 0);
    }
    return rows;
  }
};

}  // namespace loopline::bandit
