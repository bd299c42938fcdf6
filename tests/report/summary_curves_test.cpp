#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "loopline/report/summary.h"
#include "report/plain_cells.h"
#include "report/synthetic_cells.h"

namespace loopline::report {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// Seeds of one arm, with what each logged of "judge/oracle".
std::vector<Cell> runs(const std::vector<std::vector<double>>& curves) {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    cells.push_back(plain_cell("a", static_cast<std::int64_t>(i), {.5}));
    cells.back().curve = plain_curve("judge/oracle", curves[i]);
  }
  return cells;
}

std::vector<double> numbers(const Json& list) { return list.get<std::vector<double>>(); }

TEST(SummaryCurves, AreMeansOverTheLatestImages) {
  const std::vector<Cell> cells = runs({{1, 2, 6, kMissing, 4}});
  const Json axes = summarize(cells, {.window = 300})["curves"]["judge/oracle"];
  const Json& line = axes["images"]["a"];
  EXPECT_THAT(numbers(line["x"]), ElementsAre(100, 200, 300, 400, 500));
  EXPECT_THAT(numbers(line["mean"]), ElementsAre(1, 1.5, 3, 4, 5));
  EXPECT_THAT(numbers(axes["updates"]["a"]["x"]), ElementsAre(2, 4, 6, 8, 10));
  EXPECT_THAT(numbers(axes["seconds"]["a"]["x"]), ElementsAre(5, 10, 15, 20, 25));
  // A window narrower than an iteration is that iteration; what was not measured is no point.
  const Json single = summarize(cells, {.window = 50})["curves"]["judge/oracle"]["images"]["a"];
  EXPECT_THAT(numbers(single["x"]), ElementsAre(100, 200, 300, 500));
  EXPECT_THAT(numbers(single["mean"]), ElementsAre(1, 2, 6, 4));
}

TEST(SummaryCurves, GoAsFarAsAllSeedsOnCommonPoints) {
  std::vector<Cell> cells = runs({{0, 1, 2, 3, 4, 5}, {10, 11, 12, 13}});
  for (double& seconds : cells[1].curve.seconds) seconds *= 2;  // 10, 20, 30, 40
  const Json axes = summarize(cells, {.window = 100})["curves"]["judge/oracle"];
  EXPECT_EQ(axes["images"]["a"]["x"].front(), 100);
  EXPECT_EQ(axes["images"]["a"]["x"].back(), 400);
  EXPECT_NEAR(axes["images"]["a"]["mean"].back().get<double>(), 8, 1e-5);
  EXPECT_EQ(axes["images"]["a"]["low"].back(), 3);
  EXPECT_EQ(axes["images"]["a"]["high"].back(), 13);
  // At 10 s the first seed is at 1 and the second at 10; at 30 s at 5 and 12.
  const Json& by_time = axes["seconds"]["a"];
  EXPECT_EQ(by_time["x"].front(), 10);
  EXPECT_EQ(by_time["x"].back(), 30);
  EXPECT_NEAR(by_time["mean"].front().get<double>(), 5.5, 1e-5);
  EXPECT_NEAR(by_time["mean"].back().get<double>(), 8.5, 1e-5);
  // Both are straight, so their mean is: from 5.5 to 8.5.
  for (std::size_t i = 0; i < by_time["x"].size(); ++i) {
    EXPECT_NEAR(by_time["mean"][i].get<double>(), 5.5 + (by_time["x"][i].get<double>() - 10) * .15,
                1e-4);
  }
}

TEST(SummaryCurves, HaveAtMostSixtyPoints) {
  std::vector<double> line(500);
  for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<double>(i);
  const Json found =
      summarize(runs({line, line}), {.window = 1})["curves"]["judge/oracle"]["images"]["a"];
  ASSERT_EQ(found["x"].size(), 60U);
  EXPECT_EQ(found["x"].back(), 50000);
  for (std::size_t i = 0; i < 60; ++i) {
    EXPECT_NEAR(found["mean"][i].get<double>(), found["x"][i].get<double>() / 100 - 1, 1e-2);
  }
}

TEST(SummaryCurves, ClipFractionIsOfBothSides) {
  std::vector<Cell> cells = runs({{0, 0}});
  cells[0].curve.metrics["policy/clip_fraction_high"] = {.1, .2};
  EXPECT_FALSE(summarize(cells, {})["curves"].contains("policy/clip_fraction"));
  cells[0].curve.metrics["policy/clip_fraction_low"] = {.01, .03};
  const Json report = summarize(cells, {.window = 100});
  EXPECT_THAT(numbers(report["curves"]["policy/clip_fraction"]["images"]["a"]["mean"]),
              ElementsAre(.11, .23));
  EXPECT_NEAR(report["algorithms"]["a"]["clip_fraction"]["mean"].get<double>(), .17, 1e-6);
}

TEST(SummaryCurves, DistanceAndGapAreOfTheLastFiveIterations) {
  std::vector<Cell> cells = runs({{0, 0, 0, 0, 0, 0, 0}, {0, 0}});
  cells[0].curve.metrics["kl/nats"] = {99, 1, 2, 3, kMissing, 4, 5};
  cells[1].curve.metrics["kl/nats"] = {8, 10};
  cells[0].curve.metrics["watch/gap"] = {99, 99, 1, 1, 1, 1, 2};
  const Json arm = summarize(cells, {})["algorithms"]["a"];
  EXPECT_EQ(arm["kl_nats"]["mean"], 6);
  EXPECT_EQ(arm["kl_nats"]["low"], 3);
  EXPECT_EQ(arm["kl_nats"]["high"], 9);
  EXPECT_EQ(arm["watch_gap"]["mean"], 1.2);  // of the one that has it
  EXPECT_TRUE(arm["clip_fraction"]["mean"].is_null());
}

TEST(SummaryCurves, AreaIsTheMeanHeightOverImages) {
  const std::vector<Cell> cells = runs({{0, 1, 1}, {1, 1, 1}});
  const Json area = summarize(cells, {.window = 100})["algorithms"]["a"]["area_under_curve"];
  EXPECT_EQ(area["mean"], .875);
  EXPECT_EQ(area["low"], .75);
  EXPECT_EQ(area["high"], 1);
  // Over two iterations the first curve is 0, .5, 1.
  const Json smooth = summarize(cells, {.window = 200})["algorithms"]["a"]["area_under_curve"];
  EXPECT_EQ(smooth["low"], .5);
}

TEST(SummaryCurves, ImagesToTheTargetAreCensoredWhereARunNeverGetsThere) {
  const auto images = [](const std::vector<std::vector<double>>& curves, std::int64_t window) {
    return summarize(runs(curves),
                     {.target = .5, .window = window})["algorithms"]["a"]["images_to_target"];
  };
  const std::vector<double> fast = {.1, .6, .9};
  const std::vector<double> slow = {.1, .2, .6};
  const std::vector<double> never = {.1, .2, .3};
  EXPECT_EQ(images({fast, never, slow}, 100).dump(),
            R"({"by_seed":[180,null,275],"median":275,"censored":1})");
  EXPECT_EQ(images({never, fast, never}, 100).dump(),
            R"({"by_seed":[null,180,null],"median":null,"censored":2})");
  EXPECT_EQ(images({fast, slow}, 100)["median"], 227.5);
  EXPECT_TRUE(images({fast, never}, 100)["median"].is_null());
  // The first iteration alone is above by luck: whole windows count, .35 at 200, .3 at 300.
  EXPECT_EQ(images({{.6, .1, .5}}, 200)["censored"], 1);
  EXPECT_EQ(images({{.6, .6, .1}}, 200)["by_seed"][0], 200);
}

TEST(SummaryCurves, WithoutTheJudgesCurveThereIsNothingToReach) {
  std::vector<Cell> cells = runs({{.1, .6}});
  cells[0].curve = plain_curve("reward/mean", {.1, .6});
  const Json arm = summarize(cells, {.target = .5})["algorithms"]["a"];
  EXPECT_TRUE(arm["images_to_target"].is_null());
  EXPECT_TRUE(arm["area_under_curve"]["mean"].is_null());
}

TEST(SummaryCurves, AlarmsAreThoseOfTheRunsWatch) {
  std::vector<Cell> cells = runs({{0, 0, 0, 0}, {0, 0, 0, 0}});
  cells[0].curve.metrics["watch/gap"] = {0, 3, .5, 3};  // means of two: 1.5, 1.75, 1.75
  cells[1].curve.metrics["watch/gap"] = {3, -3, 0, 0};
  cells[0].curve.metrics["watch/diversity"] = {.4, .7, .7, .7};
  cells[1].curve.metrics["watch/diversity"] = {.7, .4, kMissing, .5};
  for (Cell& cell : cells) {
    cell.settings = {{"watch.action", "warn"},
                     {"watch.max_gap", "1.5"},
                     {"watch.min_diversity", "0.5"},
                     {"watch.max_kl", "null"},
                     {"watch.window", "2"}};
    cell.curve.metrics["kl/nats"] = {1e6, 1e6, 1e6, 1e6};
  }
  const auto text = [&] { return summarize(cells, {})["algorithms"]["a"]["alarms"]; };
  EXPECT_EQ(text(),
            "watch/gap above 1.5 in 1 of 2 runs, first after 300 images; "
            "watch/diversity below 0.5 in 1 of 2 runs, first after 400 images");
  for (Cell& cell : cells) cell.settings[0].second = "off";
  EXPECT_EQ(text(), "");
}

TEST(SummaryCurves, SyntheticCurvesHaveEveryMetricAxisAndArm) {
  const Json curves = summarize(synthetic_cells(), {})["curves"];
  for (const char* metric : {"reward/mean", "judge/oracle_joint", "kl/nats", "policy/clip_fraction",
                             "image/diversity", "watch/gap"}) {
    ASSERT_TRUE(curves.contains(metric)) << metric;
    for (const char* axis : {"images", "updates", "seconds"}) {
      EXPECT_EQ(curves[metric][axis].size(), 4U);
      for (const Json& line : curves[metric][axis]) {
        EXPECT_EQ(line["x"].size(), line["mean"].size());
        for (std::size_t i = 0; i < line["x"].size(); ++i) {
          EXPECT_LE(line["low"][i], line["mean"][i]);
          EXPECT_GE(line["high"][i], line["mean"][i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace loopline::report
