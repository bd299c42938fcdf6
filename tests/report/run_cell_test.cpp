#include "loopline/report/run_cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "loopline/core/error.h"
#include "loopline/io/image.h"

namespace loopline::report {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Pair;

class RunCellTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::path(::testing::TempDir()) / "run_cell_XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    run_ = root_ / "loop-16";
    fs::create_directories(run_ / "samples");
    write(root_ / "prompts.txt", "first\nsecond\nthird\nfourth\n");
    write(run_ / "run.json", R"({"loopline": "0.1.0", "torch": "2.9", "command_line": ["/a"]})");
    write(run_ / "config.yaml",
          "model: /home/ann/models/emoji\nprompts: " + (root_ / "prompts.txt").string() +
              "\nreward: [0.5 * /home/ann/judge/one, brightness]\nseed: 16\niterations: 3\n"
              "rollout:\n  images: 8\n  prompt_limit: null\nsampler: {steps: 10}\n"
              "samples: {prompts: 2, per_prompt: 2, zoom: 3}\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  static void write(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }
  void log(int iterations) {
    std::string text;
    for (int i = 1; i <= iterations; ++i) {
      text += R"({"iteration": )" + std::to_string(i) + R"(, "images/total": )" +
              std::to_string(8 * i) + R"(, "reward/mean": 0.)" + std::to_string(i) +
              (i == 2 ? R"(, "judge/joint": null)" : R"(, "judge/joint": 1)") +
              R"(, "judge/joint_std": 0.5, "judge/b": 2, "policy/updates": 4, "optim/lr": 1,)"
              R"( "time/rollout_s": 1.5, "time/reward_s": 100, "time/update_s": 0.5})"
              "\n";
    }
    write(run_ / "metrics.jsonl", text);
  }

  fs::path root_, run_;
};

TEST_F(RunCellTest, ReadsTheCurve) {
  log(2);
  const Cell cell = cell_of_run(run_);
  EXPECT_EQ(cell.name, "loop-16");
  EXPECT_EQ(cell.seed, 16);
  EXPECT_EQ(cell.steps_per_image, 10);
  EXPECT_THAT(cell.curve.images, ElementsAre(8, 16));
  EXPECT_THAT(cell.curve.updates, ElementsAre(4, 8));
  EXPECT_THAT(cell.curve.seconds, ElementsAre(2, 4)) << "judging is part of the rollout";
  EXPECT_THAT(cell.curve.metrics.at("reward/mean"), ElementsAre(0.1, 0.2));
  EXPECT_TRUE(std::isnan(cell.curve.metrics.at("judge/joint")[1]));
  EXPECT_FALSE(cell.curve.metrics.contains("judge/joint_std"));
  EXPECT_FALSE(cell.curve.metrics.contains("optim/lr"));
  EXPECT_THAT(cell.judges, ElementsAre("joint", "b"));
}

TEST_F(RunCellTest, IsFinishedWithItsLastIteration) {
  log(0);
  EXPECT_FALSE(cell_of_run(run_).finished);
  log(2);
  EXPECT_FALSE(cell_of_run(run_).finished);
  log(3);
  EXPECT_TRUE(cell_of_run(run_).finished);
}

TEST_F(RunCellTest, AMetricThatStartsLateIsMissingBefore) {
  write(run_ / "metrics.jsonl",
        "{\"iteration\": 1, \"images/total\": 8}\n"
        "{\"iteration\": 2, \"images/total\": 16, \"kl/nats\": 3}\n"
        "{\"iteration\": 3, \"images/total\": 24}\n");
  const std::vector<double> values = cell_of_run(run_).curve.metrics.at("kl/nats");
  ASSERT_EQ(values.size(), 3U);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 3);
  EXPECT_TRUE(std::isnan(values[2]));
}

TEST_F(RunCellTest, SettingsTellNoFolders) {
  log(1);
  const Cell cell = cell_of_run(run_);
  EXPECT_THAT(cell.settings,
              ::testing::IsSupersetOf(
                  {Pair("model", "models/emoji"), Pair("reward", "[0.5 * judge/one, brightness]"),
                   Pair("rollout.prompt_limit", "null"), Pair("sampler.steps", "10")}));
  EXPECT_EQ(to_json(cell).dump().find("/home"), std::string::npos);
  EXPECT_EQ(to_json(cell).dump().find(root_.string()), std::string::npos);
  EXPECT_FALSE(cell.versions.contains("command_line"));
}

TEST_F(RunCellTest, TheWallHasTheFirstImageOfEachPrompt) {
  log(3);
  for (const int iteration : {0, 3}) {
    std::vector<io::Image> images;
    for (int i = 0; i < 4; ++i) {
      images.push_back(
          {2, 2, 1, std::vector<std::uint8_t>(4, static_cast<std::uint8_t>(50 * i + iteration))});
    }
    io::write_png(run_ / "samples" / ("iteration_00000" + std::to_string(iteration) + ".png"),
                  io::image_grid(images, 2, 3));
  }
  const Wall wall = cell_of_run(run_).wall;
  EXPECT_THAT(wall.prompts, ElementsAre("first", "third"));
  EXPECT_THAT(wall.images, ElementsAre(0, 24));
  ASSERT_EQ(wall.pictures.size(), 2U);
  const fs::path file = root_ / "cut.png";
  write(file, wall.pictures[1][1]);
  const io::Image picture = io::read_image(file);
  EXPECT_EQ(picture.width, 2);
  EXPECT_EQ(picture.pixels[0], 103) << "the third image: second row, first column";
}

TEST_F(RunCellTest, NoPromptsLeaveNoWall) {
  log(3);
  fs::remove(root_ / "prompts.txt");
  EXPECT_TRUE(cell_of_run(run_).wall.pictures.empty());
}

TEST_F(RunCellTest, TakesWhatWasEvaluatedAtItsEnd) {
  log(3);
  const auto evaluation = [](const std::string& name) {
    return Evaluation{.name = name, .steps = 5, .splits = {}, .failures = {}};
  };
  save_evaluation(run_, "b", {.iteration = 3, .trained = evaluation("b")});
  save_evaluation(run_, "default", {.iteration = 3, .trained = evaluation("default")});
  save_evaluation(run_, "a", {.iteration = 2, .trained = evaluation("a")});
  save_evaluation(run_, "base-b", {.iteration = 0, .base = evaluation("base-b")});
  const Cell cell = cell_of_run(run_);
  ASSERT_EQ(cell.evaluations.size(), 2U) << "an earlier one, and the base's, are none of it";
  EXPECT_EQ(cell.evaluations[0].name, "default");
  EXPECT_EQ(cell.evaluations[1].name, "b");
  EXPECT_EQ(cell.evaluations[1].steps, 5);
}

TEST_F(RunCellTest, RefusesDamagedEvaluations) {
  log(3);
  save_evaluation(run_, "default", {});
  const fs::path file = run_ / "evaluation" / "default.json";
  write(file, R"({"format": "other"})");
  EXPECT_THROW(cell_of_run(run_), Error);
  write(file, R"({"format": "loopline-evaluation", "version": 1, "trained": {}, "base": null})");
  EXPECT_THROW(cell_of_run(run_), Error);
}

TEST_F(RunCellTest, RefusesWhatIsNoRun) { EXPECT_THROW(cell_of_run(root_), Error); }

}  // namespace
}  // namespace loopline::report
