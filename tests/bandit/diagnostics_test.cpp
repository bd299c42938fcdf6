#include "loopline/bandit/diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bandit/worlds.h"
#include "loopline/bandit/by_logger.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Diagnostics diagnostics_of(const WeightedRows& rows, std::optional<double> clip = std::nullopt) {
  DiagnosticsAccumulator accumulator(clip);
  accumulator.add(rows);
  return accumulator.finish();
}

TEST(Diagnostics, EqualTheWorkedExample) {
  // sum w 9, sum w^2 4 + .25 + 2.25 + 9 + .0625 + 1 + .5625 = 17.125.
  const Diagnostics d = diagnostics_of(eight_rows(), 1.5);
  EXPECT_EQ(d.rows, 8);
  EXPECT_NEAR(d.effective_rows, 81 / 17.125, 1e-12);
  EXPECT_EQ(d.largest_weight, 3);
  EXPECT_DOUBLE_EQ(d.mean_weight, 9.0 / 8);
  EXPECT_NEAR(d.mean_weight_error, std::sqrt((17.125 - 81.0 / 8) / 7 / 8), 1e-12);
  EXPECT_DOUBLE_EQ(d.clipped_share, 2.0 / 8);  // not 1.5 itself
  EXPECT_DOUBLE_EQ(d.largest_share, 3.0 / 9);
  EXPECT_EQ(d.rewarded_rows, 4);  // the reward under weight 0 tells nothing
  EXPECT_DOUBLE_EQ(d.mean_reward, 5.0 / 8);
}

TEST(Diagnostics, CountMultiplicitiesAndMergeInOrder) {
  WeightedRows rows = eight_rows();
  rows.multiplicity = {1, 2, 3, 1, 1, 2, 1, 5};
  WeightedRows repeated;
  for (std::size_t i = 0; i < 8; ++i) {
    repeated.weight.insert(repeated.weight.end(), static_cast<int>(rows.multiplicity[i]),
                           rows.weight[i]);
    repeated.reward.insert(repeated.reward.end(), static_cast<int>(rows.multiplicity[i]),
                           rows.reward[i]);
  }
  DiagnosticsAccumulator merged(1);
  for (const WeightedRows& part : blocks_of(rows, 3)) {
    DiagnosticsAccumulator alone(1);
    alone.add(part);
    merged.merge(alone);
  }
  const Diagnostics a = merged.finish();
  const Diagnostics b = diagnostics_of(repeated, 1);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_NEAR(a.effective_rows, b.effective_rows, 1e-12);
  EXPECT_NEAR(a.mean_weight_error, b.mean_weight_error, 1e-14);
  EXPECT_DOUBLE_EQ(a.clipped_share, b.clipped_share);
  EXPECT_DOUBLE_EQ(a.largest_share, b.largest_share);
  EXPECT_EQ(a.rewarded_rows, b.rewarded_rows);
}

TEST(Verdict, GoodWeightsAreUsable) {
  const Verdict verdict = judge(diagnostics_of(SoftmaxWorld{.target_slope = 1}.draw(1, 2000)));
  EXPECT_EQ(verdict.level, VerdictLevel::kUsable);
  EXPECT_THAT(verdict.reasons, ElementsAre());
  EXPECT_EQ(name_of(verdict.level), "usable");
}

TEST(Verdict, OneHugeWeightAmongThousandsIsUnusable) {
  WeightedRows rows = SoftmaxWorld{.target_slope = 1}.draw(1, 5000);
  rows.weight[1234] = 21739;
  const Diagnostics d = diagnostics_of(rows);
  EXPECT_LT(d.effective_rows, 2.2);
  const Verdict verdict = judge(d);
  EXPECT_EQ(verdict.level, VerdictLevel::kUnusable);
  EXPECT_THAT(verdict.reasons, ElementsAre(HasSubstr("of 5000 rows; at least 100 are needed"),
                                           HasSubstr("one row (weight 2.174e+04) holds 81.")));
}

TEST(Verdict, EveryThresholdHasItsReason) {
  const Diagnostics good{.rows = 5000,
                         .units = 5000,
                         .effective_rows = 3000,
                         .largest_weight = 3,
                         .mean_weight = 1.01,
                         .mean_weight_error = .02,
                         .largest_share = .001,
                         .rewarded_rows = 100};
  const auto level = [&](auto change, const VerdictThresholds& limits = {}) {
    Diagnostics d = good;
    change(d);
    const Verdict verdict = judge(d, limits);
    EXPECT_EQ(verdict.reasons.size(), verdict.level == VerdictLevel::kUsable ? 0U : 1U);
    return verdict.level;
  };
  using D = Diagnostics;
  const auto usable = VerdictLevel::kUsable;
  const auto doubtful = VerdictLevel::kDoubtful;
  const auto unusable = VerdictLevel::kUnusable;
  EXPECT_EQ(level([](D&) {}), usable);
  EXPECT_EQ(level([](D& d) { d.effective_rows = 99; }), unusable);
  EXPECT_EQ(level([](D& d) { d.rows = 20000, d.effective_rows = 199; }), doubtful);
  EXPECT_EQ(level([](D& d) { d.largest_share = .26; }), unusable);
  EXPECT_EQ(level([](D& d) { d.largest_share = .06; }), doubtful);
  EXPECT_EQ(level([](D& d) { d.mean_weight = .91; }), unusable);
  EXPECT_EQ(level([](D& d) { d.mean_weight = 1.05; }), doubtful);
  EXPECT_EQ(level([](D& d) { d.mean_weight = .97; }), usable);
  EXPECT_EQ(level([](D& d) { d.rewarded_rows = 29; }), doubtful);
  EXPECT_EQ(level([](D& d) { d.rewarded_rows = 29; }, {.doubtful_rewarded_rows = 10}), usable);
}

TEST(Verdict, EqualWeightsAreFineZeroWeightsAndFewRowsAreNot) {
  WeightedRows rows = SoftmaxWorld{}.draw(1, 400);  // the logging policy itself
  EXPECT_EQ(judge(diagnostics_of(rows)).level, VerdictLevel::kUsable);
  rows.weight.assign(400, 0);
  const Diagnostics zero = diagnostics_of(rows);
  EXPECT_EQ(zero.effective_rows, 0);
  EXPECT_EQ(zero.largest_share, 0);
  EXPECT_EQ(judge(zero).level, VerdictLevel::kUnusable);
  EXPECT_EQ(judge(diagnostics_of(part_of(rows, 0, 1))).level, VerdictLevel::kUnusable);
  EXPECT_THROW(diagnostics_of({}), Error);
}

TEST(LoggerTable, JudgesEveryLoggerByItself) {
  WeightedRows rows = eight_rows();
  rows.logger = {7, 7, 3, 3, 7, 3, 7, 3};
  LoggerTable table;
  for (const WeightedRows& part : blocks_of(rows, 3)) {
    LoggerTable alone;
    alone.add(part);
    table.merge(alone);
  }
  const std::vector<LoggerRow> by_logger = table.finish();
  ASSERT_EQ(by_logger.size(), 2U);
  EXPECT_EQ(by_logger[0].logger, 3);
  EXPECT_DOUBLE_EQ(by_logger[0].diagnostics.mean_weight, .75);
  EXPECT_DOUBLE_EQ(by_logger[0].ips.value, .75);
  EXPECT_EQ(by_logger[1].logger, 7);
  EXPECT_DOUBLE_EQ(by_logger[1].diagnostics.mean_weight, 1.5);
  EXPECT_DOUBLE_EQ(by_logger[1].diagnostics.mean_reward, .25);

  LoggerTable single;
  single.add(eight_rows());
  ASSERT_EQ(single.finish().size(), 1U);
  EXPECT_EQ(single.finish()[0].logger, 0);
}

}  // namespace
}  // namespace loopline::bandit
