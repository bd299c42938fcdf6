#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>
#include <numeric>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/safetensors.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<nlohmann::json> lines_of(const fs::path& log) { return run::MetricsLog::read(log); }

tensor::NamedTensors trained(const fs::path& run) {
  return trained_weights(run::RunDirectory::open(run)).tensors;
}

/// The tiny reward, telling in a component of its own that prompts with "light" first are invalid.
void write_choosy_reward(const fs::path& directory) {
  testing::write_tiny_reward(directory, "", R"(
def forward(self, images, ids):
    dark = (ids[:, 0] == 1).to(images.dtype)
    return torch.stack([images.flatten(1).mean(1) / dark, dark], 1)
)");
  std::string manifest = read_file(directory / "reward.json");
  const std::string total = R"("total": "reward")";
  manifest.replace(manifest.find(total), total.size(), total + R"(, "valid": "brightness")");
  std::ofstream(directory / "reward.json") << manifest;
}

/// Of one component: leave-one-out in groups of four, divided by the batch's std.
std::vector<double> leave_one_out_over_std(const std::vector<nlohmann::json>& batch,
                                           const std::string& component) {
  std::vector<double> values, advantages;
  for (const auto& line : batch) values.push_back(line[component].get<double>());
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto group = values.begin() + static_cast<std::ptrdiff_t>(i / 4 * 4);
    const double others = std::accumulate(group, group + 4, -values[i]) / 3;
    advantages.push_back((values[i] - others) / (std::sqrt(squares / n) + 1e-6));
  }
  return advantages;
}

TEST(TrainingOptions, InitFromStartsWhereTheOtherRunEnded) {
  const auto world = testing::make_tiny_world("init_from");
  start(world, "first");
  start(world, "second",
        {"init_from=" + (world / "first").string(), "trainable=[bias]", "iterations=2",
         "optimizer.lr=1e-9", "optimizer.weight_decay=0"});
  const auto first = trained(world / "first"), second = trained(world / "second");
  ASSERT_EQ(second.size(), first.size()) << "what was trained before is kept";
  for (const auto& [name, tensor] : first) {
    EXPECT_NEAR((second.at(name) - tensor).abs().max().item<double>(), 0, 1e-6) << name;
  }
  EXPECT_EQ(lines_of(world / "second" / "samples.jsonl").front()["iteration"], 1);
}

TEST(TrainingOptions, ARunOfARunOfARunNeedsNoMoreThanInitFrom) {
  const auto world = testing::make_tiny_world("init_chain");
  start(world, "run", {"iterations=2"});
  const auto progress = run::silent_progress();
  for (const char* next : {"second", "third"}) {
    const fs::path before = std::string(next) == "second" ? world / "run" : world / "second";
    start_run(load_train_plan(before / "config.yaml",
                              {"init_from=" + before.string(), "optimizer.lr=0.001"}),
              world / next, {}, *progress);
  }
  EXPECT_THAT([&] { load_train_plan(world / "run" / "config.yaml", {"hashes.model=abc"}); },
              ThrowsMessage<Error>(HasSubstr("changed")));
}

TEST(TrainingOptions, ARunKeepsTheWeightsThatItStartedFrom) {
  const auto world = testing::make_tiny_world("init_kept");
  const std::string init = "init_from=" + (world / "first").string();
  start(world, "first");
  start(world, "straight", {init});
  start(world, "cut", {init, "iterations=2", "optimizer.decay_iterations=4"});
  fs::remove_all(world / "first");
  resume(world / "cut", {"iterations=4"});
  for (const auto& [name, tensor] : trained(world / "straight")) {
    EXPECT_TRUE(tensor.equal(trained(world / "cut").at(name))) << name;
  }
  fs::remove(world / "cut" / "init.safetensors");
  EXPECT_THAT([&] { resume(world / "cut"); }, ThrowsMessage<Error>(HasSubstr("init.safetensors")));
}

TEST(TrainingOptions, InitFromRefusesAnotherModelAndAnUntrainedRun) {
  const auto world = testing::make_tiny_world("init_refused");
  start(world, "first");
  testing::write_tiny_model(world / "other", R"(
def forward(self, x, t, c):
    return self.gain * x + 0 * c.sum()
)");
  const std::string init = "init_from=" + (world / "first").string();
  EXPECT_THAT(
      [&] {
        start(world, "run", {init, "model=" + (world / "other").string()});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("init_from"), HasSubstr("same model"))));
  fs::remove_all(world / "first" / "checkpoints" / "00000002");
  fs::remove_all(world / "first" / "checkpoints" / "00000004");
  EXPECT_THAT([&] { start(world, "run", {init}); },
              ThrowsMessage<Error>(HasSubstr("no intact checkpoint")));
  EXPECT_FALSE(fs::exists(world / "run"));
}

TEST(TrainingOptions, EvaluatesBeforeDuringAndAfter) {
  const auto world = testing::make_tiny_world("evaluates");
  start(world, "run", {"iterations=5", "evaluation.every=2", "evaluation.eta=0"});
  const auto lines = lines_of(world / "run" / "evaluations.jsonl");
  ASSERT_EQ(lines.size(), 4U);
  std::vector<int> iterations;
  for (const auto& line : lines) {
    iterations.push_back(line["iteration"].get<int>());
    EXPECT_LE(line["eval/prompts/reward_low"], line["eval/prompts/reward"]);
    EXPECT_GE(line["eval/prompts/reward_high"], line["eval/prompts/reward"]);
    EXPECT_TRUE(line.contains("eval/prompts/judge_brightness"));
  }
  EXPECT_EQ(iterations, (std::vector<int>{0, 2, 4, 5}));
  // Other steps give other pictures of the same model.
  start(world, "steps",
        {"iterations=1", "evaluation.every=1", "evaluation.steps=2", "evaluation.eta=0"});
  EXPECT_NE(lines_of(world / "steps" / "evaluations.jsonl")[0]["eval/prompts/reward"],
            lines[0]["eval/prompts/reward"]);
}

TEST(TrainingOptions, SampleLogTellsWhatEachImageWasWorth) {
  const auto world = testing::make_tiny_world("sample_log");
  start(world, "run", {"sample_log.every=2", "sample_log.pictures=true"});
  const auto lines = lines_of(world / "run" / "samples.jsonl");
  ASSERT_EQ(lines.size(), 64U) << "iterations 2 and 4";
  EXPECT_EQ(lines.front()["iteration"], 2);
  EXPECT_EQ(lines.back()["iteration"], 4);
  double reward = 0;
  for (std::size_t group = 0; group < lines.size(); group += 4) {
    double sum = 0;
    for (std::size_t i = group; i < group + 4; ++i) {
      EXPECT_EQ(lines[i]["prompt"], lines[group]["prompt"]);
      EXPECT_EQ(lines[i]["slot"], group / 4 % 8);
      EXPECT_EQ(lines[i]["k"], i - group);
      sum += lines[i]["advantage"].get<double>();
      if (group >= 32) reward += lines[i]["reward"].get<double>() / 32;
    }
    EXPECT_NEAR(sum, 0, 1e-9) << "leave-one-out advantages of a group sum to zero";
  }
  const auto metrics = lines_of(world / "run" / "metrics.jsonl").back();
  EXPECT_NEAR(reward, metrics["reward/mean"].get<double>(), 1e-12);
  EXPECT_TRUE(fs::exists(world / "run" / lines[5]["picture"].get<std::string>()));
  EXPECT_EQ(std::distance(fs::directory_iterator(world / "run" / "pictures"), {}), 64);
}

TEST(TrainingOptions, StopsWhenATargetIsReachedAndGoesOnWhenTold) {
  const auto world = testing::make_tiny_world("stops");
  const TrainingOutcome outcome =
      start(world, "run", {"iterations=6", "stop.at_least=-5", "stop.window=3"});
  EXPECT_EQ(outcome.iterations, 3) << "a window of three is full after three";
  EXPECT_FALSE(outcome.interrupted);
  EXPECT_THAT(outcome.target_reached, HasSubstr("reward/mean"));
  EXPECT_EQ(resume(world / "run").iterations, 3) << "the target stays reached";
  EXPECT_EQ(resume(world / "run", {"stop.at_least=null"}).iterations, 6);
  const std::string config = read_file(world / "run" / "config.yaml");
  EXPECT_THAT(
      [&] {
        resume(world / "run", {"stop.at_least=9", "stop.metric=reward/maen"});
      },
      ThrowsMessage<Error>(HasSubstr("reward/mean")));
  EXPECT_EQ(read_file(world / "run" / "config.yaml"), config) << "nothing is half changed";
  const TrainingOutcome low = start(world, "low",
                                    {"iterations=2", "evaluation.every=1", "stop.at_most=5",
                                     "stop.metric=eval/prompts/judge_brightness"});
  EXPECT_EQ(low.iterations, 0) << "the base has it already";
  EXPECT_THAT(
      [&] {
        start(world, "bad", {"stop.at_least=1", "stop.metric=judge/brightness"});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("stop.metric"), HasSubstr("judge_brightness"))));
  EXPECT_FALSE(fs::exists(world / "bad"));
}

TEST(TrainingOptions, PromptLimitTrainsOnTheFirstPrompts) {
  const auto world = testing::make_tiny_world("one_prompt");
  start(world, "run", {"iterations=1", "rollout.prompt_limit=1"});
  for (const auto& line : lines_of(world / "run" / "samples.jsonl")) {
    EXPECT_EQ(line["prompt"], "dark");
  }
}

TEST(TrainingOptions, WeightedPromptsAreDrawnByTheirWeights) {
  const auto world = testing::make_tiny_world("weighted");
  std::ofstream(world / "prompts.jsonl") << "{\"text\": \"dark\", \"weight\": 9}\n"
                                            "{\"text\": \"light\"}\n";
  start(world, "run", {"prompts=" + (world / "prompts.jsonl").string(), "rollout.images=400"});
  EXPECT_THAT(read_file(world / "run" / "config.yaml"), HasSubstr("prompt_draw: replacement"));
  std::map<std::string, int> counts;
  for (const auto& line : lines_of(world / "run" / "samples.jsonl")) ++counts[line["prompt"]];
  EXPECT_EQ(counts["dark"] + counts["light"], 1600);
  EXPECT_NEAR(counts["dark"] / 1600.0, 0.9, 0.06) << "400 groups: three standard errors are .045";
}

TEST(TrainingOptions, InvalidSamplesLeaveTheUpdate) {
  const auto world = testing::make_tiny_world("invalid");
  write_choosy_reward(world / "choosy");
  const std::string reward = "reward=" + (world / "choosy").string();
  start(world, "run", {reward, "iterations=1", "rollout.images=36"});
  const auto metrics = lines_of(world / "run" / "metrics.jsonl").front();
  EXPECT_EQ(metrics["samples/invalid"], 12) << "one prompt of three";
  EXPECT_EQ(metrics["samples/trained"], 24);
  EXPECT_TRUE(std::isfinite(metrics["reward/mean"].get<double>()));
  int unknown = 0;
  for (const auto& line : lines_of(world / "run" / "samples.jsonl")) {
    if (!line["reward"].is_null()) continue;
    ++unknown;
    EXPECT_EQ(line["prompt"], "light");
    EXPECT_EQ(line["advantage"], 0);
  }
  EXPECT_EQ(unknown, 12);
  // Nothing valid at all: no update, no change, and the run goes on.
  std::ofstream(world / "light.txt") << "light\n";
  start(world, "none", {reward, "iterations=2", "prompts=" + (world / "light.txt").string()});
  EXPECT_EQ(lines_of(world / "none" / "metrics.jsonl").back()["policy/updates"], 0);
}

TEST(TrainingOptions, ZeroVarianceGroupsAreSkippedOnRequest) {
  const auto world = testing::make_tiny_world("zero_variance");
  testing::write_tiny_reward(world / "flat", "", R"(
def forward(self, images, ids):
    dark = (ids[:, 0] == 1).to(images.dtype)
    return torch.stack([images.flatten(1).mean(1) * dark, dark], 1)
)");
  const std::vector<std::string> set{"reward=" + (world / "flat").string(), "iterations=1",
                                     "rollout.images=36"};
  auto skip = set;
  skip.push_back("learner.skip_zero_variance=true");
  start(world, "all", set);
  start(world, "skip", skip);
  const auto all = lines_of(world / "all" / "metrics.jsonl").front();
  const auto some = lines_of(world / "skip" / "metrics.jsonl").front();
  EXPECT_EQ(all["groups/zero_variance"], 3);
  EXPECT_EQ(all["samples/trained"], 36);
  EXPECT_EQ(some["samples/trained"], 24);
  EXPECT_EQ(all["reward/mean"], some["reward/mean"]);
}

TEST(TrainingOptions, RewardsAddUpWithTheirComponents) {
  const auto world = testing::make_tiny_world("sum");
  const std::vector<std::string> set{"reward=[" + (world / "reward").string() +
                                     ", -0.5 * jpeg_incompressibility]"};
  start(world, "run", set);
  for (const auto& line : lines_of(world / "run" / "samples.jsonl")) {
    EXPECT_NEAR(line["reward"].get<double>(),
                line["reward/brightness/reward"].get<double>() -
                    0.5 * line["reward/jpeg_incompressibility"].get<double>(),
                1e-9);
  }
  auto each = set;
  each.push_back("advantage.per_reward=true");
  each.push_back("advantage.scale=batch_std");
  each.push_back("iterations=2");
  start(world, "cut", each);
  each.back() = "iterations=4";
  start(world, "straight", each);
  resume(world / "cut", {"iterations=4"});
  EXPECT_EQ(read_file(world / "cut" / "samples.jsonl"),
            read_file(world / "straight" / "samples.jsonl"));

  const auto lines = lines_of(world / "straight" / "samples.jsonl");
  const std::vector<nlohmann::json> batch(lines.begin(), lines.begin() + 32);
  const auto first = leave_one_out_over_std(batch, "reward/brightness/reward");
  const auto second = leave_one_out_over_std(batch, "reward/jpeg_incompressibility");
  for (std::size_t i = 0; i < batch.size(); ++i) {
    EXPECT_NEAR(batch[i]["advantage"].get<double>(), first[i] - 0.5 * second[i], 1e-6);
  }
}

TEST(TrainingOptions, Bfloat16TrainsWithRatiosOfOne) {
  const auto world = testing::make_tiny_world("bf16");
  start(world, "run", {"precision=bf16", "frozen_precision=bf16", "iterations=2"});
  start(world, "fp32", {"iterations=1"});
  const auto lines = lines_of(world / "run" / "metrics.jsonl");
  EXPECT_EQ(lines[0]["policy/ratio_deviation"], 0);
  EXPECT_NE(lines[0]["reward/mean"], lines_of(world / "fp32" / "metrics.jsonl")[0]["reward/mean"]);
  EXPECT_THAT([&] { start(world, "bad", {"frozen_precision=bf16"}); },
              ThrowsMessage<Error>(HasSubstr("frozen_precision")));
  EXPECT_THAT([&] { start(world, "bad", {"precision=fp16"}); },
              ThrowsMessage<Error>(HasSubstr("bf16")));
}

}  // namespace
}  // namespace loopline::train
