#include "loopline/train/best_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

BestCheckpoint following(const std::string& metric, const std::string& best_is) {
  TrainConfig::Checkpoints options;
  options.best = metric;
  options.best_is = best_is;
  return {options, {metric, "reward/mean"}};
}

std::vector<fs::path> checkpoints(std::initializer_list<int> iterations) {
  std::vector<fs::path> paths;
  for (const int iteration : iterations) {
    const std::string digits = std::to_string(iteration);
    paths.push_back(fs::path("run") / (std::string(8 - digits.size(), '0') + digits));
  }
  return paths;
}

TEST(BestCheckpoint, IsTheBestOfThoseThatAreThere) {
  auto highest = following("eval/a/reward", "highest");
  auto lowest = following("eval/a/reward", "lowest");
  const double values[] = {0.1, 0.7, 0.9, 0.7};
  for (int i = 0; i < 4; ++i) {
    const nlohmann::json line{{"iteration", 10 * i}, {"eval/a/reward", values[i]}};
    EXPECT_EQ(highest.see(line), i == 1 || i == 2) << "a record among checkpoints";
    EXPECT_EQ(lowest.see(line), i == 1) << "the base model sets none";
  }
  EXPECT_EQ(highest.among(checkpoints({10, 20, 30})), 20);
  EXPECT_EQ(highest.among(checkpoints({10, 30})), 10) << "the earliest of equals";
  EXPECT_EQ(lowest.among(checkpoints({10, 20, 30})), 10);
  EXPECT_EQ(highest.among(checkpoints({15})), std::nullopt);
  EXPECT_EQ(highest.among({}), std::nullopt);
}

TEST(BestCheckpoint, LinesWithoutTheMetricSayNothing) {
  auto best = following("reward/mean", "highest");
  EXPECT_FALSE(best.see({{"iteration", 1}, {"reward/mean", nullptr}}));
  EXPECT_FALSE(best.see({{"iteration", 2}}));
  EXPECT_FALSE(best.see({{"iteration", 3}, {"reward/mean", 0.1}})) << "no record of an evaluation";
  EXPECT_EQ(best.among(checkpoints({1, 2, 3})), 3);
}

TEST(BestCheckpoint, AnUnknownMetricIsNamedWithTheNearest) {
  TrainConfig::Checkpoints options;
  options.best = "reward/meen";
  EXPECT_THAT(([&] { BestCheckpoint(options, {"reward/mean"}); }),
              ThrowsMessage<Error>(
                  HasSubstr("checkpoint.best: this run has no metric \"reward/meen\"; did you mean "
                            "reward/mean?")));
}

TEST(BestCheckpoint, OfARunIsKeptBesideTheNewestAndFoundByCommands) {
  const auto world = testing::make_tiny_world("best");
  // The reward rises, so the lowest is not the last.
  start(world, "run",
        {"checkpoint.best=eval/prompts/judge_reward", "checkpoint.best_is=lowest",
         "checkpoint.every=100", "checkpoint.keep=1", "evaluation.every=1", "iterations=8"});
  std::int64_t best = 0;
  double value = 2;
  const auto evaluations = run::MetricsLog::read(world / "run" / "evaluations.jsonl");
  for (const auto& line : evaluations) {
    const double reward = line["eval/prompts/judge_reward"].get<double>();
    if (line["iteration"] == 0 || reward >= value) continue;
    value = reward;
    best = line["iteration"].get<std::int64_t>();
  }
  ASSERT_LT(best, 8) << "the test needs a run whose best is not its last";
  const auto directory = run::RunDirectory::open(world / "run");
  EXPECT_EQ(best_checkpoint(directory), best);
  std::vector<std::int64_t> kept;
  for (const auto& path : run::list_checkpoints(directory.checkpoints())) {
    kept.push_back(run::iteration_of(path));
  }
  EXPECT_THAT(kept, ::testing::ElementsAre(best, 8));
  EXPECT_EQ(trained_weights(directory, {"best"}).iteration, best);
  EXPECT_EQ(trained_weights(directory, {"latest"}).iteration, 8);
  EXPECT_EQ(trained_weights(directory, {std::to_string(best)}).iteration, best);
  EXPECT_THAT(
      [&] { trained_weights(directory, {"77"}); },
      ThrowsMessage<Error>(HasSubstr("has no checkpoint \"77\"; give latest, best or one of " +
                                     std::to_string(best) + ", 8")));
}

TEST(BestCheckpoint, ARunThatNamesNoMetricHasNone) {
  const auto world = testing::make_tiny_world("no_best");
  start(world, "run", {"iterations=2"});
  EXPECT_THAT([&] { trained_weights(run::RunDirectory::open(world / "run"), {"best"}); },
              ThrowsMessage<Error>(HasSubstr("checkpoint.best")));
}

}  // namespace
}  // namespace loopline::train
