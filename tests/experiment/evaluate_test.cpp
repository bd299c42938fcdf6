#include "loopline/experiment/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/experiment/inspect.h"
#include "loopline/experiment/sample.h"
#include "loopline/report/run_cell.h"
#include "loopline/train/training_run.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::filesystem::path trained_world(const std::string& name) {
  const auto world = testing::make_tiny_world(name);
  const auto plan =
      train::load_train_plan(world / "run.yaml", {"iterations=20", "samples.every=0"});
  const auto progress = run::silent_progress();
  train::start_run(plan, world / "run", {}, *progress);
  return world;
}

nlohmann::ordered_json evaluate_quietly(const EvaluationRequest& request) {
  const auto progress = run::silent_progress();
  return evaluate(request, *progress);
}

TEST(Evaluate, ReportsBaseTrainedAndPairedGain) {
  const auto world = trained_world("evaluate_run");
  const auto result = evaluate_quietly({.target = world / "run"});
  EXPECT_EQ(result["iteration"], 20);
  EXPECT_EQ(result["images"]["prompts"], 12);
  for (const char* metric : {"reward", "judge_reward", "judge_brightness", "diversity"}) {
    for (const char* part : {"splits", "base", "gain"}) {
      const auto& interval = result[part]["prompts"][metric];
      EXPECT_LE(interval["low"].get<double>(), interval["mean"].get<double>()) << part << metric;
      EXPECT_GE(interval["high"].get<double>(), interval["mean"].get<double>()) << part << metric;
    }
  }
  const auto mean = [&](const char* part) {
    return result[part]["prompts"]["reward"]["mean"].get<double>();
  };
  EXPECT_NEAR(mean("gain"), mean("splits") - mean("base"), 1e-12);
  EXPECT_GT(mean("gain"), 0) << "twenty iterations improve the reward";
}

TEST(Evaluate, KeepsScoresByPromptForReports) {
  const auto world = trained_world("evaluate_save");
  const auto printed =
      evaluate_quietly({.target = world / "run", .only = "trained", .save = "default"});
  EXPECT_FALSE(printed.contains("base"));
  evaluate_quietly({.target = world / "run", .only = "base", .save = "before"});
  const auto saved = report::saved_evaluations(world / "run");
  ASSERT_EQ(saved.size(), 2U);
  EXPECT_EQ(saved[0].iteration, 20);
  ASSERT_TRUE(saved[0].trained && !saved[0].base && saved[1].base && !saved[1].trained);
  const report::SplitScores& split = saved[0].trained->splits[0];
  EXPECT_EQ(split.prompts.size(), 3U);
  double sum = 0;
  for (const double value : split.metrics.at("reward")) sum += value;
  EXPECT_NEAR(sum / 3, printed["splits"]["prompts"]["reward"]["mean"].get<double>(), 1e-5);
  EXPECT_TRUE(split.metrics.contains("vendi"));

  const auto& failures = saved[0].trained->failures;
  ASSERT_EQ(failures.size(), 12U) << "all images of this small evaluation";
  for (std::size_t i = 1; i < failures.size(); ++i) {
    EXPECT_LE(failures[i - 1].scores.at("judge_reward"), failures[i].scores.at("judge_reward"));
  }
  EXPECT_EQ(failures[0].picture.substr(1, 3), "PNG");
}

TEST(Evaluate, SavesUnderANameAndOfARunAlone) {
  const auto world = testing::make_tiny_world("evaluate_save_refusals");
  EvaluationRequest request{.target = world / "model", .save = "x"};
  EXPECT_THAT([&] { evaluate_quietly(request); }, ThrowsMessage<Error>(HasSubstr("for runs")));
  request = {.target = trained_world("evaluate_save_path") / "run", .save = "../x"};
  EXPECT_THAT([&] { evaluate_quietly(request); }, ThrowsMessage<Error>(HasSubstr("is a path")));
}

TEST(Evaluate, ABundleIsJudgedByWhatTheFlagsName) {
  const auto world = testing::make_tiny_world("evaluate_bundle");
  EvaluationRequest request{.target = world / "model"};
  EXPECT_THAT([&] { evaluate_quietly(request); }, ThrowsMessage<Error>(HasSubstr("--reward")));
  request.reward = {(world / "reward").string()};
  EXPECT_THAT([&] { evaluate_quietly(request); }, ThrowsMessage<Error>(HasSubstr("--prompts")))
      << "this model draws what prompts say";
  request.prompts = {(world / "prompts.txt").string()};
  const auto result = evaluate_quietly(request);
  EXPECT_TRUE(result["splits"]["prompts"].contains("reward"));
  EXPECT_FALSE(result.contains("gain"));
}

TEST(SampleImages, DrawsOneRowAPromptTheSameEveryTime) {
  const auto world = trained_world("sample");
  const auto progress = run::silent_progress();
  SampleRequest request{.target = world / "run",
                        .prompts = {io::make_prompt("dark"), io::make_prompt("light")},
                        .count = 3,
                        .zoom = 1};
  const io::Image first = sample_images(request, *progress);
  EXPECT_EQ(first.width, 3 * 4 + 2 * 2);
  EXPECT_EQ(first.pixels, sample_images(request, *progress).pixels);
  request.base = true;
  EXPECT_NE(first.pixels, sample_images(request, *progress).pixels) << "the base model differs";
}

TEST(Inspect, KnowsWhatLooplineWrites) {
  const auto world = trained_world("inspect");
  EXPECT_EQ(inspect(world / "model")["parameters_trainable"], 10);
  EXPECT_EQ(inspect(world / "model")["adapter"], "none");
  testing::write_adapted_model(world / "adapted");
  EXPECT_EQ(inspect(world / "adapted")["adapter"], "lora, rank 1, alpha 2");
  EXPECT_EQ(inspect(world / "adapted")["parameters_trainable"], 5);
  EXPECT_EQ(inspect(world / "reward")["total"], "reward");
  EXPECT_EQ(inspect(world / "run")["algorithm"], "loop");
  const auto checkpoint = world / "run" / "checkpoints" / "00000020";
  EXPECT_EQ(inspect(checkpoint)["iteration"], 20);
  EXPECT_EQ(inspect(checkpoint / "trainable.safetensors")["tensors"].size(), 3U);
  EXPECT_THROW(inspect(world / "prompts.txt"), Error);
  EXPECT_THROW(inspect(world / "nowhere"), Error);
}

}  // namespace
}  // namespace loopline::experiment
