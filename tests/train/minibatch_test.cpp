#include "loopline/train/minibatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "loopline/core/error.h"

namespace loopline::train {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAreArray;

MinibatchOptions options_of(bool whole_samples, double fraction, std::int64_t shards) {
  return {.seed = 5,
          .iteration = 2,
          .samples = 24,
          .group_size = 4,
          .steps = {0, 1, 2, 4},
          .timestep_fraction = fraction,
          .whole_samples = whole_samples,
          .shards = shards,
          .minibatches = 3};
}

std::set<std::pair<std::int64_t, std::int64_t>> all_pairs(
    const std::vector<std::vector<Pair>>& minibatches, std::size_t* count) {
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  *count = 0;
  for (const auto& minibatch : minibatches) {
    for (const Pair& pair : minibatch) seen.emplace(pair.sample, pair.step);
    *count += minibatch.size();
  }
  return seen;
}

TEST(Minibatches, HoldEveryPairOnceInEqualParts) {
  for (const bool whole : {false, true}) {
    const auto minibatches = make_minibatches(options_of(whole, 1, 1));
    std::size_t count = 0;
    EXPECT_EQ(all_pairs(minibatches, &count).size(), 96U);
    EXPECT_EQ(count, 96U);
    for (const auto& minibatch : minibatches) EXPECT_EQ(minibatch.size(), 32U);
  }
}

TEST(Minibatches, KeepASamplesStepsTogetherWhenAsked) {
  for (const auto& minibatch : make_minibatches(options_of(true, 1, 1))) {
    for (std::size_t i = 0; i < minibatch.size(); i += 4) {
      EXPECT_EQ(minibatch[i].sample, minibatch[i + 3].sample);
    }
  }
}

TEST(Minibatches, TakeTheAskedShareOfEachSamplesSteps) {
  std::size_t count = 0;
  const auto seen = all_pairs(make_minibatches(options_of(false, 0.5, 1)), &count);
  EXPECT_EQ(count, 48U);
  std::map<std::int64_t, int> per_sample, per_step;
  for (const auto& [sample, step] : seen) {
    ++per_sample[sample];
    ++per_step[step];
  }
  for (const auto& [sample, steps] : per_sample) EXPECT_EQ(steps, 2) << sample;
  EXPECT_EQ(per_step.size(), 4U) << "the subset differs between samples";
}

TEST(Minibatches, TakeAnEqualShareOfEachShard) {
  for (const auto& minibatch : make_minibatches(options_of(false, 1, 2))) {
    const auto first = std::count_if(minibatch.begin(), minibatch.end(),
                                     [](const Pair& pair) { return pair.sample < 12; });
    EXPECT_EQ(first, 16);
  }
}

TEST(Minibatches, AreAFunctionOfTheIteration) {
  MinibatchOptions options = options_of(false, 1, 1);
  const auto first = make_minibatches(options);
  EXPECT_EQ(first, make_minibatches(options));
  options.epoch = 1;
  EXPECT_NE(first, make_minibatches(options));
  options.epoch = 0;
  options.iteration = 3;
  EXPECT_NE(first, make_minibatches(options));
}

TEST(Minibatches, RefuseMoreUpdatesThanPairs) {
  MinibatchOptions options = options_of(true, 1, 1);
  options.minibatches = 25;
  EXPECT_THROW(make_minibatches(options), Error);
}

std::vector<Pair> flat(const std::vector<std::vector<Pair>>& minibatches) {
  std::vector<Pair> pairs;
  for (const auto& minibatch : minibatches) {
    pairs.insert(pairs.end(), minibatch.begin(), minibatch.end());
  }
  return pairs;
}

// Written down once: a run resumed with a newer version goes on with the same updates.
TEST(Minibatches, DealAsTheyAlwaysHave) {
  const auto minibatches = make_minibatches(options_of(false, 0.5, 2));
  ASSERT_EQ(minibatches.size(), 3U);
  const auto first_four = [&](std::size_t m) {
    return std::vector<Pair>(minibatches[m].begin(), minibatches[m].begin() + 4);
  };
  EXPECT_EQ(first_four(0), (std::vector<Pair>{{7, 4}, {2, 1}, {7, 2}, {8, 0}}));
  EXPECT_EQ(first_four(1), (std::vector<Pair>{{5, 1}, {0, 2}, {9, 0}, {10, 4}}));
  EXPECT_EQ(first_four(2), (std::vector<Pair>{{10, 2}, {6, 0}, {3, 4}, {4, 0}}));
}

TEST(Minibatches, WithEverySampleIncludedAreTheSame) {
  for (const bool whole : {false, true}) {
    MinibatchOptions options = options_of(whole, 0.5, 2);
    const auto all = make_minibatches(options);
    options.included.assign(24, true);
    EXPECT_EQ(make_minibatches(options), all);
  }
}

TEST(Minibatches, LeaveExcludedSamplesOut) {
  for (const bool whole : {false, true}) {
    for (const std::int64_t shards : {1, 2, 3}) {
      MinibatchOptions options = options_of(whole, 0.5, shards);
      std::vector<Pair> expected = flat(make_minibatches(options));
      options.included.assign(24, true);
      for (const std::size_t sample : {0, 1, 2, 3, 9, 17, 23}) options.included[sample] = false;
      std::erase_if(expected, [&](const Pair& pair) {
        return !options.included[static_cast<std::size_t>(pair.sample)];
      });
      const auto minibatches = make_minibatches(options);
      EXPECT_EQ(minibatches.size(), 3U);
      EXPECT_THAT(flat(minibatches), UnorderedElementsAreArray(expected)) << "the same steps";
      // Each minibatch takes an equal part of each shard's samples.
      for (std::int64_t shard = 0; shard < shards; ++shard) {
        const auto share = [&](const std::vector<Pair>& minibatch) {
          return std::ranges::count_if(
              minibatch, [&](const Pair& p) { return p.sample / (24 / shards) == shard; });
        };
        const auto [least, most] = std::ranges::minmax(
            std::vector{share(minibatches[0]), share(minibatches[1]), share(minibatches[2])});
        EXPECT_LE(most - least, whole ? 2 : 1) << shards << " shards, " << shard;
      }
    }
  }
}

TEST(Minibatches, AreFewerWhenTooFewSamplesAreIncluded) {
  MinibatchOptions options = options_of(true, 1, 2);
  options.minibatches = 5;
  options.included.assign(24, false);
  EXPECT_TRUE(make_minibatches(options).empty());
  for (const std::size_t sample : {3, 11, 20}) options.included[sample] = true;
  const auto minibatches = make_minibatches(options);
  ASSERT_EQ(minibatches.size(), 2U);
  EXPECT_EQ(minibatches[0].size(), 8U) << "one sample of each shard";
  EXPECT_EQ(minibatches[1].size(), 4U) << "the second one of the first";
  std::set<std::int64_t> samples;
  for (const Pair& pair : flat(minibatches)) samples.insert(pair.sample);
  EXPECT_THAT(samples, ElementsAre(3, 11, 20));
}

TEST(Minibatches, RefuseMoreUpdatesThanPairsWhateverIsIncluded) {
  MinibatchOptions options = options_of(true, 1, 1);
  options.minibatches = 25;
  options.included.assign(24, false);
  EXPECT_THROW(make_minibatches(options), Error);
}

}  // namespace
}  // namespace loopline::train
