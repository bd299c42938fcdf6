#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/train/trainer.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

nlohmann::json without_times(nlohmann::json line) {
  for (auto key = line.begin(); key != line.end();) {
    key = key.key().starts_with("time/") ? line.erase(key) : std::next(key);
  }
  return line;
}

/// metrics.jsonl without the times.
std::vector<nlohmann::json> metrics_of(const fs::path& run) {
  std::vector<nlohmann::json> lines;
  for (const auto& line : run::MetricsLog::read(run / "metrics.jsonl")) {
    lines.push_back(without_times(line));
  }
  return lines;
}

void expect_equal_runs(const fs::path& one, const fs::path& other, const char* checkpoint) {
  for (const char* file : {"trainable.safetensors", "optimizer.safetensors"}) {
    EXPECT_EQ(sha256_file(one / "checkpoints" / checkpoint / file),
              sha256_file(other / "checkpoints" / checkpoint / file))
        << file;
  }
  EXPECT_EQ(run::read_checkpoint(one / "checkpoints" / checkpoint).state,
            run::read_checkpoint(other / "checkpoints" / checkpoint).state);
  EXPECT_EQ(metrics_of(one), metrics_of(other));
  for (const char* log : {"samples.jsonl", "evaluations.jsonl"}) {
    ASSERT_EQ(fs::exists(one / log), fs::exists(other / log)) << log;
    if (fs::exists(one / log)) {
      EXPECT_EQ(read_file(one / log), read_file(other / log)) << log;
    }
  }
}

class EveryAlgorithm : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryAlgorithm, ResumeEqualsStraight) {
  const std::string algorithm = GetParam();
  const auto world = testing::make_tiny_world("resume_" + algorithm);
  std::vector<std::string> set{"algorithm=" + algorithm, "advantage.buffer_min_count=2"};
  if (algorithm == "reinforce" || algorithm == "ppo") set.push_back("rollout.group_size=1");
  if (algorithm == "reinforce" || algorithm == "rloo") set.push_back("learner.updates_per_epoch=1");
  // A decaying rate must not depend on where the run was cut.
  set.insert(set.end(), {"optimizer.schedule=cosine", "optimizer.decay_iterations=6",
                         "optimizer.warmup_iterations=1", "learner.timestep_fraction=0.6",
                         "evaluation.every=1"});
  auto straight = set, cut = set;
  straight.push_back("iterations=5");
  cut.push_back("iterations=3");
  start(world, "straight", straight);
  start(world, "cut", cut);
  const TrainingOutcome outcome = resume(world / "cut", {"iterations=5"});
  EXPECT_EQ(outcome.iterations, 5);
  EXPECT_FALSE(outcome.interrupted);
  expect_equal_runs(world / "straight", world / "cut", "00000005");
}

INSTANTIATE_TEST_SUITE_P(Presets, EveryAlgorithm,
                         ::testing::Values("reinforce", "rloo", "ppo", "grpo", "loop"),
                         [](const auto& info) { return std::string(info.param); });

TEST(TrainingRun, NeedsTheTextEncoderOnlyWhenItStarts) {
  const auto world = testing::make_tiny_world("encoder_away");
  const auto plan =
      load_train_plan(world / "run.yaml", {"sampler.guidance=2", "evaluation.every=1"});
  const auto run = [&](bool take_away) {
    Trainer trainer(plan);
    const fs::path file = world / "model" / "text_encoder.ts", away = world / "away.ts";
    if (take_away) fs::rename(file, away);
    std::vector<nlohmann::json> lines;
    for (std::int64_t i = 0; i < 2; ++i) {
      lines.push_back(without_times(trainer.iterate(i, [](double, const std::string&) {}).metrics));
      lines.push_back(trainer.evaluate([](double) {}));
    }
    trainer.sample_grid();
    if (take_away) fs::rename(away, file);
    return lines;
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(TrainingRun, EncodesTheTextsOfALongListAsTheyAreDrawn) {
  const auto world = testing::make_tiny_world("long_list");
  std::ofstream prompts(world / "prompts.txt");
  for (const char* text : {"dark", "light", "dark dark", "dark light", "light dark"}) {
    prompts << text << "\n";
  }
  prompts.close();
  // 2 prompts an iteration: the list is longer than a run of 2 iterations draws, not than one of 3.
  const std::vector<std::string> set{"rollout.images=8", "checkpoint.every=1", "samples.every=0"};
  const auto with = [&](const char* iterations) {
    std::vector<std::string> all = set;
    all.emplace_back(iterations);
    return all;
  };
  start(world, "straight", with("iterations=3"));
  start(world, "cut", with("iterations=2"));
  resume(world / "cut", {"iterations=3"});
  expect_equal_runs(world / "straight", world / "cut", "00000003");
}

TEST(TrainingRun, LearnsWhatTheRewardAsksFor) {
  const auto world = testing::make_tiny_world("learns");
  const TrainingOutcome outcome = start(world, "run", {"iterations=30", "samples.every=0"});
  EXPECT_GT(outcome.last["reward/mean"].get<double>(),
            outcome.first["reward/mean"].get<double>() + 0.02);
  EXPECT_NEAR(outcome.last["judge/judge_reward"].get<double>(),
              outcome.last["reward/mean"].get<double>(), 1e-9)
      << "the judge here is the reward under another name";
}

TEST(TrainingRun, IsAFunctionOfItsSeed) {
  const auto world = testing::make_tiny_world("seed");
  start(world, "a");
  start(world, "b");
  start(world, "c", {"seed=43"});
  expect_equal_runs(world / "a", world / "b", "00000004");
  EXPECT_NE(metrics_of(world / "a"), metrics_of(world / "c"));
}

TEST(TrainingRun, GoesOnFromTheCheckpointBeforeADamagedOne) {
  const auto world = testing::make_tiny_world("damaged");
  start(world, "straight");
  start(world, "run");
  std::ofstream(world / "run" / "checkpoints" / "00000004" / "trainable.safetensors",
                std::ios::binary | std::ios::app)
      << "x";
  resume(world / "run", {"checkpoint.keep=3"});
  EXPECT_EQ(metrics_of(world / "straight"), metrics_of(world / "run"));
  EXPECT_EQ(sha256_file(world / "straight" / "checkpoints" / "00000004" / "trainable.safetensors"),
            sha256_file(world / "run" / "checkpoints" / "00000004" / "trainable.safetensors"));
}

TEST(TrainingRun, RefusesToChangeARunThatGoesOn) {
  const auto world = testing::make_tiny_world("changed");
  start(world, "run");
  EXPECT_THAT([&] { resume(world / "run", {"optimizer.lr=0.5"}); },
              ThrowsMessage<Error>(::testing::AllOf(HasSubstr("optimizer.lr"), HasSubstr("0.02"),
                                                    HasSubstr("0.5"))));
  std::ofstream(world / "prompts.txt", std::ios::app) << "light light\n";
  EXPECT_THAT([&] { resume(world / "run"); }, ThrowsMessage<Error>(HasSubstr("has changed")));
}

TEST(TrainingRun, LeavesNothingBehindWhenTheConfigIsWrong) {
  const auto world = testing::make_tiny_world("nothing_behind");
  EXPECT_THROW(start(world, "run", {"rollout.group_size=1"}), Error);
  EXPECT_THROW(start(world, "run", {"trainable=[nothing]"}), Error);
  EXPECT_FALSE(fs::exists(world / "run"));
}

TEST(TrainingRun, WritesTheDocumentedDirectory) {
  const auto world = testing::make_tiny_world("directory");
  start(world, "run", {"iterations=4", "checkpoint.keep=1"});
  for (const char* file :
       {"config.yaml", "run.json", "metrics.jsonl", "samples/iteration_000000.png",
        "samples/iteration_000004.png", "checkpoints/00000004/state.json"}) {
    EXPECT_TRUE(fs::exists(world / "run" / file)) << file;
  }
  EXPECT_EQ(run::list_checkpoints(world / "run" / "checkpoints").size(), 1U);
  const auto lines = run::MetricsLog::read(world / "run" / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 4U);
  for (const char* key : {"iteration", "images/total", "reward/mean", "reward/std",
                          "policy/clip_fraction_high", "policy/clip_fraction_low",
                          "policy/approx_kl", "policy/ratio_deviation", "groups/zero_variance",
                          "optim/grad_norm", "time/rollout_s", "time/reward_s", "time/update_s"}) {
    EXPECT_TRUE(lines[3].contains(key)) << key;
  }
  EXPECT_EQ(lines[3]["images/total"], 128);
  EXPECT_EQ(lines[0]["policy/ratio_deviation"], 0);
}

}  // namespace
}  // namespace loopline::train
