#include "loopline/report/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>

#include "loopline/core/error.h"
#include "loopline/stats/bootstrap.h"
#include "report/plain_cells.h"
#include "report/synthetic_cells.h"

namespace loopline::report {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<const Cell*> cells_of(const std::vector<Cell>& cells, const std::string& arm) {
  std::vector<const Cell*> found;
  for (const Cell& cell : cells) {
    if (cell.arm == arm) found.push_back(&cell);
  }
  return found;
}

const std::vector<double>& scores(const Cell& cell, const std::string& evaluation,
                                  const std::string& split, const std::string& metric) {
  for (const Evaluation& each : cell.evaluations) {
    if (each.name != evaluation) continue;
    for (const SplitScores& part : each.splits) {
      if (part.name == split) return part.metrics.at(metric);
    }
  }
  throw std::logic_error("no such scores");
}

double average(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

TEST(Summary, SaysWhatItIsAbout) {
  const Json report = summarize(synthetic_cells(), {.title = "three", .command = "again"});
  EXPECT_EQ(report["format"], "loopline-report");
  EXPECT_EQ(report["version"], 1);
  EXPECT_EQ(report["title"], "three");
  EXPECT_EQ(report["command"], "again");
  EXPECT_EQ(report["metric"], "oracle_joint");  // the first judge's first component
  EXPECT_EQ(report["split"], "rl");
  EXPECT_THAT(report["seeds"], ElementsAre(16, 27, 42));
  EXPECT_THAT(report["splits"], ElementsAre("rl", "held_out"));
  EXPECT_THAT(report["metrics"], ElementsAre("oracle_joint", "reward", "diversity", "swap_rate"));
  EXPECT_EQ(report["algorithms"].size(), 4U);
  EXPECT_EQ(report["algorithms"]["reinforce-updates"]["group"], "updates");
  EXPECT_TRUE(report["running"].empty());
  EXPECT_TRUE(report["tuning"].is_null());
  EXPECT_EQ(report["findings"].size(), 3U);
}

TEST(Summary, HeadlineIsTheSubjectsWhereItNamesOne) {
  const Json report =
      summarize(synthetic_cells(), {.metric = "reward", .split = "held_out", .target = 0.5});
  EXPECT_THAT(report["metrics"], ElementsAre("reward", "diversity", "oracle_joint", "swap_rate"));
  EXPECT_EQ(report["split"], "held_out");
  EXPECT_EQ(report["target"], 0.5);
  EXPECT_EQ(report["differences"][0]["metric"], "reward");
  EXPECT_EQ(report["algorithms"]["loop"]["reward"]["mean"],
            report["algorithms"]["loop"]["splits"]["held_out"]["reward"]["mean"]);
  EXPECT_TRUE(report["curves"].contains("reward/mean"));
  EXPECT_FALSE(report["curves"].contains("judge/oracle_joint"));
}

TEST(Summary, UnknownMetricOrSplitIsTheUsersError) {
  const auto message = [](const Subject& subject) {
    try {
      summarize(synthetic_cells(), subject);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({.metric = "oracle_jiont"}), HasSubstr("did you mean oracle_joint?"));
  EXPECT_THAT(message({.split = "heldout"}), HasSubstr("did you mean held_out?"));
}

TEST(Summary, MeansGainsAndStudentIntervalsEqualBruteForce) {
  const std::vector<Cell> cells = synthetic_cells();
  const Json report = summarize(cells, {});
  for (const std::string arm : {"loop", "ppo", "reinforce", "reinforce-updates"}) {
    for (const std::string evaluation : {"default", "deterministic"}) {
      for (const std::string split : {"rl", "held_out"}) {
        for (const std::string metric : {"oracle_joint", "reward", "diversity", "swap_rate"}) {
          std::vector<double> means;
          for (const Cell* cell : cells_of(cells, arm)) {
            means.push_back(average(scores(*cell, evaluation, split, metric)));
          }
          const double base = average(scores(cells[0], evaluation, split, metric));
          const Json& row = report["algorithms"][arm];
          const Json& score =
              (evaluation == "default" ? row["splits"]
                                       : row["conditions"][evaluation])[split][metric];
          const stats::Interval t = stats::t_interval(means);
          EXPECT_NEAR(score["mean"].get<double>(), t.mean, 1e-5);
          EXPECT_NEAR(score["t_low"].get<double>(), t.low, 1e-5);
          EXPECT_NEAR(score["t_high"].get<double>(), t.high, 1e-5);
          EXPECT_NEAR(score["gain"]["mean"].get<double>(), t.mean - base, 1e-5);
          EXPECT_NEAR(score["gain"]["t_low"].get<double>(), t.low - base, 1e-5);
          if (evaluation == "default" && split == "rl") {
            EXPECT_EQ(row[metric]["high"], score["high"]);
          }
        }
      }
    }
  }
}

TEST(Summary, IntervalsResampleSeedsAndPrompts) {
  const std::vector<Cell> cells = synthetic_cells();
  const Json report = summarize(cells, {});
  stats::ScoreTable table;
  for (const Cell* cell : cells_of(cells, "ppo")) {
    table.push_back(scores(*cell, "default", "rl", "oracle_joint"));
  }
  const stats::CrossedDraws draws = stats::crossed_draws(3, 10, /*seed=*/77, 20000);
  const stats::Interval mean = stats::crossed_bootstrap(
      draws, [&](const stats::Resample& part) { return stats::mean(table, part); });
  const Json& row = report["algorithms"]["ppo"];
  EXPECT_NEAR(row["oracle_joint"]["low"].get<double>(), mean.low, 0.012);
  EXPECT_NEAR(row["oracle_joint"]["high"].get<double>(), mean.high, 0.012);
  const stats::Interval middle = stats::crossed_bootstrap(
      draws, [&](const stats::Resample& part) { return stats::interquartile_mean(table, part); });
  EXPECT_NEAR(row["interquartile_mean"]["mean"].get<double>(), middle.mean, 1e-5);
  EXPECT_NEAR(row["interquartile_mean"]["low"].get<double>(), middle.low, 0.02);

  const std::vector<double>& base = scores(cells[0], "default", "rl", "oracle_joint");
  for (std::vector<double>& seed : table) {
    for (std::size_t i = 0; i < seed.size(); ++i) seed[i] -= base[i];
  }
  const stats::Interval gain = stats::crossed_bootstrap(
      draws, [&](const stats::Resample& part) { return stats::mean(table, part); });
  const Json& score = row["splits"]["rl"]["oracle_joint"]["gain"];
  EXPECT_NEAR(score["low"].get<double>(), gain.low, 0.012);
  // Prompts differ more than their gains do, so the paired interval is the narrower one.
  EXPECT_LT(gain.high - gain.low, 0.7 * (mean.high - mean.low));
}

TEST(Summary, BaseIsABootstrapOverItsPrompts) {
  const std::vector<Cell> cells = synthetic_cells();
  const Json report = summarize(cells, {});
  const std::vector<double>& values = scores(cells[0], "deterministic", "held_out", "reward");
  std::vector<std::int64_t> labels(values.size());
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i);
  const stats::Interval expected = stats::cluster_bootstrap(values, labels, 5, 20000);
  const Json& found = report["base"]["conditions"]["deterministic"]["held_out"]["reward"];
  EXPECT_NEAR(found["mean"].get<double>(), expected.mean, 1e-5);
  EXPECT_NEAR(found["low"].get<double>(), expected.low, 0.01);
  EXPECT_NEAR(found["high"].get<double>(), expected.high, 0.01);
}

TEST(Summary, BudgetIsTheMeanOverRuns) {
  std::vector<Cell> cells = {plain_cell("a", 1, {.5}), plain_cell("a", 2, {.6})};
  cells[0].curve = plain_curve("reward/mean", {0, 0});
  cells[1].curve = plain_curve("reward/mean", {0, 0, 0, 0});
  const Json budget = summarize(cells, {})["algorithms"]["a"]["budget"];
  EXPECT_EQ(budget["images"], 300);
  EXPECT_EQ(budget["updates"], 6);
  EXPECT_EQ(budget["sample_steps"], 3000);
  EXPECT_EQ(budget["reward_queries"], 300);
  EXPECT_EQ(budget["seconds"], 15);
}

TEST(Summary, OneSeedHasNoIntervals) {
  const Json report = summarize(synthetic_cells({.seeds = {7}}), {});
  const Json& score = report["algorithms"]["loop"]["splits"]["rl"]["oracle_joint"];
  for (const char* key : {"low", "high", "t_low", "t_high"}) {
    EXPECT_TRUE(score[key].is_null()) << key;
    EXPECT_TRUE(score["gain"][key].is_null()) << key;
  }
  EXPECT_FALSE(score["mean"].is_null());
  EXPECT_TRUE(report["algorithms"]["loop"]["interquartile_mean"]["low"].is_null());
  EXPECT_TRUE(report["algorithms"]["loop"]["kl_nats"]["high"].is_null());
  EXPECT_TRUE(report["curves"]["reward/mean"]["images"]["loop"]["low"][3].is_null());
  EXPECT_TRUE(report["best"].is_null());
  for (const Json& pair : report["differences"]) {
    EXPECT_EQ(pair["verdict"], "not shown");
    EXPECT_TRUE(pair["t_low"].is_null());
    EXPECT_TRUE(pair["probability_of_improvement"]["low"].is_null());
  }
}

/// Three seeds of "a" that beat "b" by `by` on every prompt; prompts and seeds have their level.
std::vector<Cell> paired_cells(const std::vector<double>& by) {
  std::vector<Cell> cells;
  for (const std::string arm : {"a", "b"}) {
    for (std::int64_t seed = 0; seed < 3; ++seed) {
      std::vector<double> values;
      for (const double level : {.1, .3, .5, .7}) {
        values.push_back(level + 0.05 * static_cast<double>(seed) +
                         (arm == "a" ? by[static_cast<std::size_t>(seed)] : 0));
      }
      cells.push_back(plain_cell(arm, seed, values));
    }
  }
  return cells;
}

TEST(Summary, VerdictNeedsBothIntervals) {
  const auto verdict = [](const std::vector<double>& by) {
    return summarize(paired_cells(by), {})["differences"][0]["verdict"].get<std::string>();
  };
  EXPECT_EQ(verdict({.10, .12, .11}), "shown");
  EXPECT_EQ(verdict({-.10, -.12, -.11}), "shown");
  EXPECT_EQ(verdict({.02, .03, .30}), "suggested");  // t: .12 +- .39
  EXPECT_EQ(verdict({-.10, .10, .02}), "not shown");
  EXPECT_EQ(verdict({0, 0, 0}), "not shown");
}

TEST(Summary, DifferencesArePairedBySeedAndPrompt) {
  std::vector<Cell> cells = paired_cells({.10, .10, .10});
  const Json pair = summarize(cells, {})["differences"][0];
  EXPECT_EQ(pair["a"], "a");
  EXPECT_EQ(pair["b"], "b");
  EXPECT_EQ(pair["seeds"], 3);
  EXPECT_EQ(pair["split"], "rl");
  // What seeds and prompts do to both falls out.
  EXPECT_NEAR(pair["difference"]["low"].get<double>(), 0.1, 1e-6);
  EXPECT_NEAR(pair["difference"]["high"].get<double>(), 0.1, 1e-6);
  // Of 9 pairs of seeds a is ahead in 8; its first ties with the last of b, .05 a seed higher.
  EXPECT_NEAR(pair["probability_of_improvement"]["mean"].get<double>(), 8.5 / 9, 1e-5);

  // Another order of prompts and of cells, a prompt less and a seed less: pairs are by name.
  SplitScores& split = cells[4].evaluations[0].splits[0];
  std::reverse(split.prompts.begin(), split.prompts.end());
  std::reverse(split.metrics["oracle"].begin(), split.metrics["oracle"].end());
  for (Cell& cell : cells) {
    if (cell.arm != "b") continue;
    SplitScores& part = cell.evaluations[0].splits[0];
    const auto p2 = std::find(part.prompts.begin(), part.prompts.end(), "p2");
    std::vector<double>& values = part.metrics["oracle"];
    values.erase(values.begin() + (p2 - part.prompts.begin()));
    part.prompts.erase(p2);
  }
  std::swap(cells[3], cells[5]);
  cells.erase(cells.begin());
  const Json partial = summarize(cells, {})["differences"][0];
  EXPECT_EQ(partial["seeds"], 2);
  EXPECT_NEAR(partial["difference"]["low"].get<double>(), 0.1, 1e-6);
  EXPECT_NEAR(partial["difference"]["high"].get<double>(), 0.1, 1e-6);
}

TEST(Summary, UpdatesArmsMeetTheMainOnesAlone) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const Json report = summarize(synthetic_cells(), {});
  for (const Json& pair : report["differences"]) {
    pairs.emplace_back(pair["a"].get<std::string>(), pair["b"].get<std::string>());
  }
  EXPECT_THAT(pairs,
              ElementsAre(std::pair("loop", "ppo"), std::pair("loop", "reinforce"),
                          std::pair("ppo", "reinforce"), std::pair("reinforce-updates", "loop"),
                          std::pair("reinforce-updates", "ppo"),
                          std::pair("reinforce-updates", "reinforce")));
}

TEST(Summary, ArmsWithoutACommonSeedAreNotPaired) {
  const std::vector<Cell> cells = {plain_cell("a", 1, {.5, .6}), plain_cell("b", 2, {.1, .2})};
  EXPECT_TRUE(summarize(cells, {})["differences"].empty());
}

TEST(Summary, PromptsOfOneTextStayApart) {
  std::vector<Cell> cells = paired_cells({.1, .1, .1});
  for (Cell& cell : cells) cell.evaluations[0].splits[0].prompts = {"p", "p", "q", "p"};
  const Json report = summarize(cells, {});
  EXPECT_NEAR(report["differences"][0]["difference"]["mean"].get<double>(), 0.1, 1e-6);
  EXPECT_NEAR(report["algorithms"]["b"]["oracle"]["mean"].get<double>(), 0.45, 1e-6);
}

TEST(Summary, MissingScoresAreLeftOut) {
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Cell> cells = {plain_cell("base", 0, {.1, .2, kMissing}),
                                   plain_cell("a", 1, {.5, kMissing, .7}),
                                   plain_cell("a", 2, {kMissing, kMissing, kMissing})};
  const Json score = summarize(cells, {})["algorithms"]["a"]["splits"]["rl"]["oracle"];
  EXPECT_NEAR(score["mean"].get<double>(), .6, 1e-6);
  EXPECT_NEAR(score["gain"]["mean"].get<double>(), .4, 1e-6);
  EXPECT_TRUE(score["t_low"].is_null());  // one seed has a value
}

TEST(Summary, BestStandsOnlyWhereNoIntervalReachesItsOwn) {
  std::vector<Cell> cells;
  for (std::int64_t seed = 0; seed < 3; ++seed) {
    const double shift = 0.01 * static_cast<double>(seed);
    cells.push_back(plain_cell("low", seed, {.2 + shift, .21}));
    cells.push_back(plain_cell("high", seed, {.6 + shift, .61}));
    cells.push_back(plain_cell("middle", seed, {.4 + shift, .41}));
    cells.push_back(plain_cell("more-updates", seed, {.6 + shift, .61}));
    cells.back().group = "updates";
  }
  EXPECT_EQ(summarize(cells, {})["best"], "high");
  // Its interval is alone, but by t the seeds are too few to show it.
  std::vector<Cell> unsteady = cells;
  unsteady[9].evaluations[0].splits[0].metrics["oracle"] = {1.9, 1.9};
  EXPECT_TRUE(summarize(unsteady, {})["best"].is_null());
  for (Cell& cell : cells) cell.group = "main";
  EXPECT_TRUE(summarize(cells, {})["best"].is_null());
  std::erase_if(cells, [](const Cell& cell) { return cell.arm != "high"; });
  EXPECT_TRUE(summarize(cells, {})["best"].is_null());  // of one there is no best
}

TEST(Summary, RunsThatAreNotDoneAreNamedAndStayOutOfTables) {
  std::vector<Cell> cells = synthetic_cells();
  for (Cell& cell : cells) {
    if (cell.name == "ppo-seed-27") cell.finished = false;
    if (cell.name == "loop-seed-16") cell.evaluations.clear();
    if (cell.arm == "reinforce") cell.finished = false;
  }
  const Json report = summarize(cells, {});
  EXPECT_THAT(report["running"], ElementsAre("loop-seed-16", "ppo-seed-27", "reinforce-seed-16",
                                             "reinforce-seed-27", "reinforce-seed-42"));
  EXPECT_THAT(report["algorithms"]["ppo"]["seeds"], ElementsAre(16, 42));
  EXPECT_THAT(report["algorithms"]["loop"]["seeds"], ElementsAre(27, 42));
  EXPECT_FALSE(report["algorithms"].contains("reinforce"));
  EXPECT_TRUE(report["curves"]["kl/nats"]["images"].contains("reinforce"));
  EXPECT_EQ(report["differences"][0]["seeds"], 1);  // 42 alone is in both
}

TEST(Summary, WorksWithoutBaseJudgesOrCells) {
  std::vector<Cell> cells = synthetic_cells();
  cells.erase(cells.begin());
  const Json headless = summarize(cells, {});
  EXPECT_TRUE(headless["base"].is_null());
  EXPECT_TRUE(headless["target"].is_null());
  EXPECT_TRUE(headless["algorithms"]["loop"]["images_to_target"].is_null());
  EXPECT_TRUE(headless["algorithms"]["loop"]["splits"]["rl"]["reward"]["gain"].is_null());
  for (Cell& cell : cells) cell.judges.clear();
  EXPECT_EQ(summarize(cells, {})["metric"], "reward");

  const Json empty = summarize({}, {.problems = {"loop-seed-1: failed"}});
  EXPECT_TRUE(empty["algorithms"].is_object() && empty["algorithms"].empty());
  EXPECT_TRUE(empty["differences"].empty());
  EXPECT_THAT(empty["problems"], ElementsAre("loop-seed-1: failed"));
}

TEST(Summary, TargetIsHalfTheWayUnlessGiven) {
  std::vector<Cell> cells = {plain_cell("base", 0, {.20, .30}), plain_cell("a", 1, {.50, .60}),
                             plain_cell("b", 1, {.40, .40})};
  EXPECT_EQ(summarize(cells, {})["target"], 0.4);  // .25 + .30 / 2
  EXPECT_EQ(summarize(cells, {.target = 0.33})["target"], 0.33);
  cells[1].group = "updates";
  EXPECT_EQ(summarize(cells, {})["target"], 0.33);  // .25 + .15 / 2 = .325
  cells[2] = plain_cell("b", 1, {.20, .30});
  EXPECT_TRUE(summarize(cells, {})["target"].is_null());
  cells[2] = plain_cell("b", 1, {.202, .302});  // two decimals would be the base itself
  EXPECT_NEAR(summarize(cells, {})["target"].get<double>(), 0.251, 1e-9);
}

TEST(Summary, SettingsAreThoseThatDifferBetweenArms) {
  std::vector<Cell> cells = {plain_cell("base", 0, {.2}), plain_cell("a", 1, {.5}),
                             plain_cell("a", 2, {.5}), plain_cell("b", 1, {.4})};
  const auto settings = [](std::string lr, std::string clip, std::string seed) {
    return std::vector<std::pair<std::string, std::string>>{{"seed", seed},
                                                            {"iterations", seed},
                                                            {"hashes.model", seed},
                                                            {"optimizer.lr", lr},
                                                            {"optimizer.beta1", ".9"},
                                                            {"surrogate.clip", clip},
                                                            {"checkpoint.every", seed}};
  };
  cells[0].settings = settings("1", "2", "0");
  cells[1].settings = settings("0.1", "null", "1");
  cells[2].settings = settings("0.1", "0.2", "2");
  cells[3].settings = settings("0.3", "0.2", "3");
  const Json found = summarize(cells, {})["settings"];
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].dump(), R"({"option":"optimizer.lr","values":{"a":"0.1","b":"0.3"}})");
  EXPECT_EQ(found[1].dump(),
            R"({"option":"surrogate.clip","values":{"a":"null or 0.2","b":"0.2"}})");
}

TEST(Summary, VersionsThatDifferAreListed) {
  std::vector<Cell> cells = {plain_cell("a", 1, {.5}), plain_cell("a", 2, {.5}),
                             plain_cell("a", 3, {.5})};
  cells[0].versions = {{"loopline", "0.1.0"}, {"torch", "2.14"}};
  cells[1].versions = {{"loopline", "0.2.0"}, {"torch", "2.14"}};
  cells[2].versions = {{"loopline", "0.1.0"}, {"torch", "2.14"}};
  EXPECT_EQ(summarize(cells, {})["versions"].dump(),
            R"({"loopline":["0.1.0","0.2.0"],"torch":"2.14"})");
}

// What ends with seven significant digits was not rounded.
void expect_six_digits(const Json& json) {
  if (json.is_number_float()) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", json.get<double>());
    EXPECT_EQ(json.get<double>(), std::strtod(text, nullptr));
  }
  if (json.is_structured()) {
    for (const Json& part : json) expect_six_digits(part);
  }
}

TEST(Summary, NumbersHaveSixDigitsAndTheSameCellsGiveTheSameBytes) {
  const Json report = summarize(synthetic_cells(), {});
  expect_six_digits(report);
  EXPECT_EQ(report.dump(), summarize(synthetic_cells(), {}).dump());
}

TEST(Summary, AMetricNamedAsAFixedKeyHidesNothing) {
  std::vector<Cell> cells = paired_cells({.1, .1, .1});
  for (Cell& cell : cells) {
    auto& metrics = cell.evaluations[0].splits[0].metrics;
    metrics["splits"] = metrics["alarms"] = metrics["seeds"] = metrics["oracle"];
  }
  const Json arm = summarize(cells, {})["algorithms"]["a"];
  EXPECT_THAT(arm["seeds"], ElementsAre(0, 1, 2));
  EXPECT_EQ(arm["alarms"], "");
  EXPECT_EQ(arm["splits"]["rl"]["alarms"]["mean"], arm["oracle"]["mean"]);
}

}  // namespace
}  // namespace loopline::report
