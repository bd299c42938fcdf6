#include "loopline/policy/advantage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>

#include "loopline/core/error.h"
#include "loopline/core/random.h"

namespace loopline::policy {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kDelta = 1e-6;

std::vector<double> rewards_of(std::uint32_t iteration, std::size_t count) {
  std::vector<double> rewards(count);
  fill_uniform({.seed = 5, .iteration = iteration}, rewards);
  return rewards;
}

std::vector<std::string> distinct_prompts(std::size_t groups) {
  std::vector<std::string> prompts;
  for (std::size_t g = 0; g < groups; ++g) prompts.emplace_back(g + 1, 'p');
  return prompts;
}

std::vector<double> estimate_once(const AdvantageOptions& options,
                                  const std::vector<double>& reward, std::int64_t group_size) {
  AdvantageEstimator estimator(options, group_size);
  const std::size_t groups = reward.size() / static_cast<std::size_t>(group_size);
  return estimator.estimate({reward, group_size, distinct_prompts(groups)}).value;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double population_std(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += (value - mean(values)) * (value - mean(values));
  return std::sqrt(sum / static_cast<double>(values.size()));
}

std::string message_of(const AdvantageOptions& options, std::int64_t group_size) {
  try {
    AdvantageEstimator(options, group_size);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LeaveOneOut, IsTheRewardMinusTheMeanOfTheOthers) {
  const auto value = estimate_once({.baseline = Baseline::kLeaveOneOut}, {1, 2, 6, 0, 0, 3}, 3);
  EXPECT_THAT(value, ElementsAre(-3, -1.5, 4.5, -1.5, -1.5, 3));
}

TEST(LeaveOneOut, SumsToZeroInEveryGroup) {
  const auto value = estimate_once({.baseline = Baseline::kLeaveOneOut}, rewards_of(0, 40), 5);
  for (std::size_t g = 0; g < 8; ++g) {
    EXPECT_NEAR(mean(std::span(value).subspan(g * 5, 5)), 0, 1e-15) << g;
  }
}

TEST(LeaveOneOut, IsTheGroupMeanAdvantageTimesKOverKMinusOne) {
  for (const std::int64_t k : {2, 3, 4, 10}) {
    const auto rewards = rewards_of(1, static_cast<std::size_t>(6 * k));
    const auto others = estimate_once({.baseline = Baseline::kLeaveOneOut}, rewards, k);
    const auto own = estimate_once({.baseline = Baseline::kGroupMean}, rewards, k);
    const double factor = static_cast<double>(k) / static_cast<double>(k - 1);
    for (std::size_t i = 0; i < own.size(); ++i) EXPECT_NEAR(others[i], factor * own[i], 1e-14);
  }
}

TEST(GroupOfOne, IsRefusedWhereAGroupIsNeeded) {
  EXPECT_THAT(message_of({.baseline = Baseline::kLeaveOneOut}, 1),
              HasSubstr("with group_size 1 there are none"));
  EXPECT_THAT(message_of({.baseline = Baseline::kGroupMean}, 1), HasSubstr("every advantage is 0"));
  EXPECT_THAT(message_of({.baseline = Baseline::kBatchMean, .scale = Scale::kGroupStd}, 1),
              HasSubstr("group_std of one sample is 0"));
  EXPECT_EQ(message_of({.baseline = Baseline::kLeaveOneOut}, 2), "");
  EXPECT_EQ(message_of({.baseline = Baseline::kRunningMean, .scale = Scale::kBatchStd}, 1), "");
}

TEST(Scales, DivideByThePopulationStdPlusDelta) {
  const auto rewards = rewards_of(2, 12);
  const auto by_group =
      estimate_once({.baseline = Baseline::kGroupMean, .scale = Scale::kGroupStd}, rewards, 4);
  const auto by_batch =
      estimate_once({.baseline = Baseline::kBatchMean, .scale = Scale::kBatchStd}, rewards, 4);
  for (std::size_t i = 0; i < rewards.size(); ++i) {
    const auto group = std::span(rewards).subspan(i / 4 * 4, 4);
    EXPECT_NEAR(by_group[i], (rewards[i] - mean(group)) / (population_std(group) + kDelta), 1e-12);
    EXPECT_NEAR(by_batch[i], (rewards[i] - mean(rewards)) / (population_std(rewards) + kDelta),
                1e-12);
  }
}

TEST(Clamp, LimitsTheScaledAdvantage) {
  const AdvantageOptions options{.baseline = Baseline::kNone, .clamp = 2.0};
  EXPECT_THAT(estimate_once(options, {5, -7, 1.5}, 1), ElementsAre(2, -2, 1.5));
}

// .1 is no binary fraction: (.1 + .1 + .1) / 3 differs from .1, and .1 + 3e8 rounds.
TEST(EqualRewards, GiveExactlyZeroInAGroup) {
  for (const double reward : {0.1, 0.7, 3e8 + 0.1}) {
    for (const Scale scale : {Scale::kNone, Scale::kGroupStd, Scale::kBatchStd}) {
      for (const Baseline baseline : {Baseline::kGroupMean, Baseline::kLeaveOneOut}) {
        const std::vector<double> rewards = {reward, reward, reward, 1, 2, 3};
        AdvantageEstimator estimator({.baseline = baseline, .scale = scale}, 3);
        const Advantages result = estimator.estimate({rewards, 3, {"a", "b"}});
        EXPECT_THAT(std::span(result.value).first(3), Each(0.0));
        EXPECT_NE(result.value[3], 0);
        EXPECT_EQ(result.zero_variance_groups, 1);
      }
    }
  }
}

TEST(EqualRewards, AreNotBlownUpByAScaleWithoutSpread) {
  // The running mean is .5, a later batch is all .2: -.3 / 1e-6 would wreck the model.
  AdvantageEstimator estimator({.baseline = Baseline::kRunningMean, .scale = Scale::kBatchStd}, 1);
  const std::vector<double> first = {0, 1};
  const std::vector<double> second = {0.2, 0.2};
  estimator.estimate({first, 1, {"a", "b"}});
  const Advantages result = estimator.estimate({second, 1, {"a", "b"}});
  EXPECT_THAT(result.value, Each(0.0));
  EXPECT_EQ(result.zero_variance_groups, 0) << "groups of one have no variance to speak of";
}

TEST(EqualRewards, KeepABatchBaselineSignal) {
  const auto value = estimate_once({.baseline = Baseline::kBatchMean}, {1, 1, 0, 0}, 2);
  EXPECT_THAT(value, ElementsAre(0.5, 0.5, -0.5, -0.5));
}

TEST(RunningMean, StartsWithTheFirstBatchAndFollowsThePast) {
  AdvantageEstimator estimator({.baseline = Baseline::kRunningMean, .running_mean_decay = 0.75}, 1);
  const std::vector<double> first = {1, 3};
  const std::vector<double> second = {6, 10};
  const std::vector<double> third = {0, 0};
  const auto advantage = [&](const std::vector<double>& reward) {
    return estimator.estimate({reward, 1, {"a", "b"}}).value;
  };
  EXPECT_THAT(advantage(first), ElementsAre(-1, 1));  // its own mean, 2
  EXPECT_THAT(advantage(second), ElementsAre(4, 8));  // still 2, then .75 * 2 + .25 * 8
  EXPECT_THAT(advantage(third), ElementsAre(-3.5, -3.5));
}

// An independent reading of DDPO's per-prompt tracker: one long list a prompt, cut at use.
TEST(PromptBuffer, MatchesBruteForce) {
  const AdvantageOptions options{.baseline = Baseline::kPromptBuffer,
                                 .scale = Scale::kBufferStd,
                                 .buffer_size = 6,
                                 .buffer_min_count = 4};
  AdvantageEstimator estimator(options, 2);
  // "a" comes twice in an iteration, "c" seldom.
  const std::vector<std::vector<std::string>> prompts = {
      {"a", "b", "a"}, {"b", "c", "b"}, {"a", "b", "b"}, {"c", "c", "a"}};
  std::map<std::string, std::vector<double>> all;
  std::vector<std::int64_t> buffered;
  for (std::uint32_t iteration = 0; iteration < prompts.size(); ++iteration) {
    const auto reward = rewards_of(10 + iteration, 6);
    const Advantages result = estimator.estimate({reward, 2, prompts[iteration]});
    buffered.push_back(result.buffered_groups);
    for (std::size_t i = 0; i < 6; ++i) all[prompts[iteration][i / 2]].push_back(reward[i]);
    for (std::size_t i = 0; i < 6; ++i) {
      const std::vector<double>& past = all[prompts[iteration][i / 2]];
      const std::size_t kept = std::min<std::size_t>(past.size(), 6);
      const auto used = kept >= 4 ? std::span(past).last(kept) : std::span(reward);
      EXPECT_NEAR(result.value[i], (reward[i] - mean(used)) / (population_std(used) + kDelta),
                  1e-12)
          << iteration << " " << i;
    }
  }
  EXPECT_THAT(buffered, ElementsAre(2, 2, 3, 3));
}

TEST(PromptBuffer, RefusesABufferThatNeverFills) {
  EXPECT_THAT(message_of({.baseline = Baseline::kPromptBuffer, .buffer_size = 8}, 1),
              HasSubstr("keeps 8 rewards and never reaches 16"));
  EXPECT_EQ(message_of({.baseline = Baseline::kNone, .buffer_size = 8}, 1), "");
}

constexpr Baseline kBaselines[] = {Baseline::kNone,        Baseline::kBatchMean,
                                   Baseline::kGroupMean,   Baseline::kLeaveOneOut,
                                   Baseline::kRunningMean, Baseline::kPromptBuffer};
constexpr Scale kScales[] = {Scale::kNone, Scale::kGroupStd, Scale::kBatchStd, Scale::kBufferStd};

void for_each_axis(const std::function<void(const AdvantageOptions&)>& use) {
  for (const Baseline baseline : kBaselines) {
    for (const Scale scale : kScales) {
      SCOPED_TRACE("baseline " + std::to_string(static_cast<int>(baseline)) + ", scale " +
                   std::to_string(static_cast<int>(scale)));
      use({.baseline = baseline, .scale = scale, .buffer_size = 9, .buffer_min_count = 5});
    }
  }
}

// The formulas of docs/algorithms.md, sample by sample, over lists of what counts.
class BruteForce {
 public:
  explicit BruteForce(const AdvantageOptions& options) : options_(options) {}

  std::vector<double> estimate(const RewardBatch& batch) {
    std::vector<double> all;
    for (std::size_t i = 0; i < batch.reward.size(); ++i) {
      if (!batch.valid[i]) continue;
      all.push_back(batch.reward[i]);
      past_[prompt(batch, i)].push_back(batch.reward[i]);
    }
    const double running = running_.value_or(mean(all));
    running_ = running_ ? 0.9 * *running_ + 0.1 * mean(all) : mean(all);
    std::vector<double> value;
    for (std::size_t i = 0; i < batch.reward.size(); ++i) {
      value.push_back(batch.valid[i] ? advantage(batch, i, all, running) : 0);
    }
    return value;
  }

 private:
  static const std::string& prompt(const RewardBatch& batch, std::size_t i) {
    return batch.group_prompt[i / static_cast<std::size_t>(batch.group_size)];
  }

  double advantage(const RewardBatch& batch, std::size_t sample, const std::vector<double>& all,
                   double running) {
    const auto k = static_cast<std::size_t>(batch.group_size);
    std::vector<double> group, others;
    for (std::size_t i = sample / k * k; i < (sample / k + 1) * k; ++i) {
      if (!batch.valid[i]) continue;
      group.push_back(batch.reward[i]);
      if (i != sample) others.push_back(batch.reward[i]);
    }
    std::vector<double> history = past_[prompt(batch, sample)];
    if (history.size() > 9) history.erase(history.begin(), history.end() - 9);
    if (history.size() < 5) history = all;
    const std::map<Baseline, double> baseline = {
        {Baseline::kNone, 0},
        {Baseline::kBatchMean, mean(all)},
        {Baseline::kGroupMean, mean(group)},
        {Baseline::kLeaveOneOut, others.empty() ? batch.reward[sample] : mean(others)},
        {Baseline::kRunningMean, running},
        {Baseline::kPromptBuffer, mean(history)}};
    const auto divisor = [](const std::vector<double>& values) {
      return values.size() > 1 ? population_std(values) + kDelta
                               : std::numeric_limits<double>::infinity();
    };
    const std::map<Scale, double> scale = {{Scale::kNone, 1},
                                           {Scale::kGroupStd, divisor(group)},
                                           {Scale::kBatchStd, divisor(all)},
                                           {Scale::kBufferStd, divisor(history)}};
    return (batch.reward[sample] - baseline.at(options_.baseline)) / scale.at(options_.scale);
  }

  AdvantageOptions options_;
  std::map<std::string, std::vector<double>> past_;
  std::optional<double> running_;
};

TEST(InvalidSamples, AreLeftOutOfEveryFormula) {
  const std::vector<std::vector<bool>> masks = {{1, 0, 1, 1, 1, 1, 0, 1, 0, 0, 1, 0},
                                                {0, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1},
                                                {1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0},
                                                {1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0}};
  for_each_axis([&](const AdvantageOptions& options) {
    AdvantageEstimator estimator(options, 3);
    BruteForce expected(options);
    for (std::uint32_t iteration = 0; iteration < masks.size(); ++iteration) {
      std::vector<double> rewards = rewards_of(20 + iteration, 12);
      for (std::size_t i = 0; i < rewards.size(); ++i) {
        if (!masks[iteration][i]) rewards[i] = std::nan("");
      }
      const RewardBatch batch{rewards, 3, {"a", "b", "a", "c"}, masks[iteration]};
      const Advantages result = estimator.estimate(batch);
      const std::vector<double> value = expected.estimate(batch);
      for (std::size_t i = 0; i < rewards.size(); ++i) {
        EXPECT_NEAR(result.value[i], value[i], 1e-12) << iteration << " " << i;
      }
      EXPECT_EQ(result.invalid, std::ranges::count(masks[iteration], false));
    }
  });
}

TEST(InvalidSamples, AreAsGoodAsRemoved) {
  const std::vector<std::string> prompts = {"a", "b", "a"};
  for_each_axis([&](const AdvantageOptions& options) {
    AdvantageEstimator masked(options, 4);
    AdvantageEstimator removed(options, 3);
    for (std::uint32_t iteration = 0; iteration < 3; ++iteration) {
      const std::vector<double> kept = rewards_of(30 + iteration, 9);
      std::vector<double> rewards;
      std::vector<bool> valid;
      for (std::size_t g = 0; g < 3; ++g) {
        for (std::size_t i = 0, next = 3 * g; i < 4; ++i) {
          valid.push_back(i != (g + iteration) % 4);
          rewards.push_back(valid.back() ? kept[next++] : 1e9);
        }
      }
      const Advantages result = masked.estimate({rewards, 4, prompts, valid});
      std::vector<double> of_valid;
      for (std::size_t i = 0; i < rewards.size(); ++i) {
        if (valid[i]) of_valid.push_back(result.value[i]);
      }
      const Advantages expected = removed.estimate({kept, 3, prompts});
      EXPECT_EQ(of_valid, expected.value) << "bit for bit";
      EXPECT_EQ(result.buffered_groups, expected.buffered_groups);
      EXPECT_EQ(masked.state(), removed.state());
    }
  });
}

TEST(InvalidSamples, AllMarkedValidIsTheSameAsNoMarks) {
  for_each_axis([&](const AdvantageOptions& options) {
    const std::vector<double> rewards = rewards_of(3, 12);
    AdvantageEstimator marked(options, 4), plain(options, 4);
    const Advantages a = marked.estimate({rewards, 4, {"a", "b", "a"}, std::vector(12, true)});
    const Advantages b = plain.estimate({rewards, 4, {"a", "b", "a"}});
    EXPECT_EQ(a.value, b.value);
    EXPECT_THAT(b.informative, Each(true));
    EXPECT_EQ(a.informative, b.informative);
    EXPECT_EQ(b.invalid, 0);
  });
}

TEST(InvalidSamples, AWholeBatchOfThemIsForgotten) {
  for_each_axis([&](const AdvantageOptions& options) {
    AdvantageEstimator estimator(options, 2);
    estimator.estimate({rewards_of(1, 4), 2, {"a", "b"}});
    const nlohmann::json before = estimator.state();
    const std::vector<double> rewards(4, std::nan(""));
    const Advantages result = estimator.estimate({rewards, 2, {"a", "new"}, std::vector(4, false)});
    EXPECT_THAT(result.value, ElementsAre(0, 0, 0, 0));
    EXPECT_THAT(result.informative, Each(false));
    EXPECT_EQ(result.invalid, 4);
    EXPECT_EQ(result.zero_variance_groups, 0);
    EXPECT_EQ(estimator.state(), before);
  });
}

// Groups: plain, equal rewards, equal rewards beside an invalid one, one valid, none valid.
TEST(Informative, IsFalseWhereAGroupSaysNothing) {
  const std::vector<double> rewards = {1, 2, 3, 4, 4, 4, 5, 9, 5, 0, 6, 0, 0, 0, 0};
  const std::vector<bool> valid = {1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0};
  const std::vector<std::string> prompts = {"a", "b", "c", "d", "e"};
  for_each_axis([&](const AdvantageOptions& options) {
    AdvantageEstimator estimator(options, 3);
    const Advantages result = estimator.estimate({rewards, 3, prompts, valid});
    const bool within_group = options.baseline == Baseline::kGroupMean ||
                              options.baseline == Baseline::kLeaveOneOut ||
                              options.scale == Scale::kGroupStd;
    EXPECT_THAT(result.informative,
                ElementsAre(true, true, true, false, false, false, false, false, false, false,
                            !within_group, false, false, false, false));
    EXPECT_EQ(result.value[10] == 0, within_group);
    EXPECT_EQ(result.zero_variance_groups, 2);
    EXPECT_EQ(result.invalid, 6);
  });
  AdvantageEstimator single({.baseline = Baseline::kBatchMean}, 1);
  const std::vector<double> same = {2, 2};
  EXPECT_THAT(single.estimate({same, 1, {"a", "b"}}).informative, Each(true));
}

TEST(State, RoundTripContinuesBitForBit) {
  const AdvantageOptions buffer{.baseline = Baseline::kPromptBuffer,
                                .scale = Scale::kBufferStd,
                                .buffer_size = 7,
                                .buffer_min_count = 3};
  const AdvantageOptions running{.baseline = Baseline::kRunningMean, .scale = Scale::kBatchStd};
  for (const AdvantageOptions& options : {buffer, running}) {
    AdvantageEstimator straight(options, 2);
    for (std::uint32_t i = 0; i < 3; ++i) {
      straight.estimate({rewards_of(i, 6), 2, {"a \"quoted\" cat", "dog", "dog"}});
    }
    const std::string text = straight.state().dump();
    AdvantageEstimator resumed(options, 2);
    resumed.load_state(nlohmann::json::parse(text));
    EXPECT_EQ(resumed.state().dump(), text);
    const auto next = rewards_of(3, 6);
    const RewardBatch batch{next, 2, {"dog", "a \"quoted\" cat", "new"}};
    EXPECT_EQ(straight.estimate(batch).value, resumed.estimate(batch).value);
  }
}

TEST(State, DamageIsRefusedAndChangesNothing) {
  AdvantageEstimator estimator({.baseline = Baseline::kRunningMean}, 1);
  const std::vector<double> reward = {1, 2};
  estimator.estimate({reward, 1, {"a", "b"}});
  const nlohmann::json before = estimator.state();
  for (const char* text : {"[]", "{}", R"({"running_mean": "x", "history": {}})",
                           R"({"running_mean": null, "history": []})",
                           R"({"running_mean": null, "history": {"a": 1}})",
                           R"({"running_mean": null, "history": {"a": [1, null]}})"}) {
    EXPECT_THROW(estimator.load_state(nlohmann::json::parse(text)), Error) << text;
    EXPECT_EQ(estimator.state(), before) << text;
  }
}

TEST(State, ASmallerBufferKeepsTheNewestRewards) {
  AdvantageEstimator estimator(
      {.baseline = Baseline::kPromptBuffer, .buffer_size = 2, .buffer_min_count = 2}, 1);
  estimator.load_state(R"({"running_mean": null, "history": {"a": [1, 2, 3]}})"_json);
  EXPECT_EQ(estimator.state()["history"]["a"], nlohmann::json({2.0, 3.0}));
}

}  // namespace
}  // namespace loopline::policy
