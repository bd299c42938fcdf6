#include "loopline/train/minibatch.h"

#include <algorithm>
#include <cmath>

#include "loopline/core/error.h"
#include "loopline/core/random.h"

namespace loopline::train {
namespace {

/// The steps that one sample trains on in this iteration, ascending.
std::vector<std::int64_t> steps_of_sample(const MinibatchOptions& options, std::int64_t sample) {
  const auto all = static_cast<std::int64_t>(options.steps.size());
  const auto wanted = static_cast<std::int64_t>(
      std::ceil(options.timestep_fraction * static_cast<double>(all) - 1e-9));
  if (wanted >= all) return options.steps;
  const auto order = random_permutation({.seed = options.seed,
                                         .stream = Stream::kTimestepSubset,
                                         .iteration = static_cast<std::uint32_t>(options.iteration),
                                         .slot = static_cast<std::uint32_t>(sample)},
                                        all);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < wanted; ++i) {
    chosen.push_back(options.steps[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

/// What is shuffled: single pairs, or all pairs of a sample.
using Unit = std::vector<Pair>;

std::vector<Unit> units_of_shard(const MinibatchOptions& options, std::int64_t shard) {
  const std::int64_t groups = options.samples / options.group_size;
  const std::int64_t per_shard = groups / options.shards * options.group_size;
  std::vector<Unit> units;
  for (std::int64_t sample = shard * per_shard; sample < (shard + 1) * per_shard; ++sample) {
    Unit whole;
    for (const std::int64_t step : steps_of_sample(options, sample)) {
      whole.push_back({sample, step});
      if (!options.whole_samples) units.push_back({{sample, step}});
    }
    if (options.whole_samples) units.push_back(std::move(whole));
  }
  return units;
}

void exclude_samples(std::vector<Unit>& units, const std::vector<bool>& included) {
  if (included.empty()) return;
  std::erase_if(units, [&](const Unit& unit) {
    return !included[static_cast<std::size_t>(unit.front().sample)];
  });
}

}  // namespace

std::vector<std::vector<Pair>> make_minibatches(const MinibatchOptions& options) {
  LOOPLINE_CHECK(options.samples % (options.group_size * options.shards) == 0,
                 "shards divide the groups");
  LOOPLINE_CHECK(options.included.empty() ||
                     options.included.size() == static_cast<std::size_t>(options.samples),
                 "one mark a sample");
  std::vector<std::vector<Pair>> minibatches(static_cast<std::size_t>(options.minibatches));
  for (std::int64_t shard = 0; shard < options.shards; ++shard) {
    std::vector<Unit> units = units_of_shard(options, shard);
    if (static_cast<std::int64_t>(units.size()) < options.minibatches) {
      throw Error("learner.updates_per_epoch", std::to_string(options.minibatches) +
                                                   " updates, but a shard has only " +
                                                   std::to_string(units.size()) + " " +
                                                   (options.whole_samples ? "samples" : "pairs"));
    }
    exclude_samples(units, options.included);
    const auto count = static_cast<std::int64_t>(units.size());
    const std::int64_t filled = std::min(count, options.minibatches);
    const auto order =
        random_permutation({.seed = options.seed,
                            .stream = Stream::kMinibatchShuffle,
                            .iteration = static_cast<std::uint32_t>(options.iteration),
                            .slot = static_cast<std::uint32_t>(options.epoch),
                            .k = static_cast<std::uint32_t>(shard)},
                           count);
    for (std::int64_t m = 0; m < filled; ++m) {
      auto& minibatch = minibatches[static_cast<std::size_t>(m)];
      for (std::int64_t i = m * count / filled; i < (m + 1) * count / filled; ++i) {
        const Unit& unit = units[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
        minibatch.insert(minibatch.end(), unit.begin(), unit.end());
      }
    }
  }
  std::erase_if(minibatches, [](const auto& minibatch) { return minibatch.empty(); });
  return minibatches;
}

}  // namespace loopline::train
