#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace loopline::train {

/// One thing the learner can train on: step `step` of sample `sample`.
struct Pair {
  std::int64_t sample = 0;
  std::int64_t step = 0;
  bool operator==(const Pair&) const = default;
};

struct MinibatchOptions {
  std::uint64_t seed = 0;
  std::int64_t iteration = 0;
  std::int64_t epoch = 0;           ///< inner epoch
  std::int64_t samples = 0;         ///< N, samples of the iteration
  std::int64_t group_size = 1;      ///< shards hold whole groups
  std::vector<std::int64_t> steps;  ///< the steps that have a density
  double timestep_fraction = 1;     ///< share of them that each sample trains on, rounded up
  bool whole_samples = false;       ///< the shuffled unit is a sample with its steps, not a pair
  std::int64_t shards = 1;          ///< divides the number of groups
  std::int64_t minibatches = 1;     ///< updates an epoch
  /// [N]: samples to train on; empty: all. Shards keep their samples, excluded ones included.
  std::vector<bool> included{};
};

/// The pairs of one inner epoch, shuffled and dealt into minibatches of (nearly) equal size: every
/// pair of an included sample occurs exactly once. A function of the options alone. More
/// minibatches than a shard has units is an Error. When it is the exclusion that leaves fewer, each
/// of the first minibatches gets one, and those that no shard has a unit for are not in the result,
/// which can be empty.
std::vector<std::vector<Pair>> make_minibatches(const MinibatchOptions& options);

}  // namespace loopline::train
