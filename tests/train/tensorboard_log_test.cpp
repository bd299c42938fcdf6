#include "loopline/train/tensorboard_log.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "loopline/core/files.h"
#include "loopline/io/image.h"
#include "loopline/run/metrics.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What stands in the files is read with another reader in tests/io and with TensorBoard's own in
// tests/cli. Here: which records there are, and whether a tag's bytes are among them.

std::vector<fs::path> event_files(const fs::path& directory) {
  std::vector<fs::path> files;
  if (!fs::exists(directory)) return files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string only_file(const fs::path& directory) {
  const auto files = event_files(directory);
  EXPECT_EQ(files.size(), 1u);
  return read_file(files.at(0));
}

/// As the wire format has a scalar: tag = 1, then simple_value = 2.
std::string scalar(const std::string& tag, float value) {
  std::string bytes = "\x0A" + std::string(1, static_cast<char>(tag.size())) + tag + "\x15";
  return bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

TEST(TensorBoardLog, NumbersOfALineAreScalarsUnderTheirKeys) {
  const fs::path directory = testing::fresh_directory("tensorboard_numbers");
  TensorBoardLog log(directory, 0);
  log.metrics({{"iteration", 3},
               {"reward/mean", 0.1},
               {"images/total", 96},
               {"eval/test/reward_low", -0.25},
               {"nan", std::nan("")},
               {"infinite", std::numeric_limits<double>::infinity()},
               {"beyond", 1e300},
               {"null", nullptr},
               {"text", "1"},
               {"yes", true}});
  EXPECT_THAT(only_file(directory),
              AllOf(HasSubstr(scalar("reward/mean", 0.1F)), HasSubstr(scalar("images/total", 96)),
                    HasSubstr(scalar("eval/test/reward_low", -0.25F)), Not(HasSubstr("iteration")),
                    Not(HasSubstr("nan")), Not(HasSubstr("infinite")), Not(HasSubstr("beyond")),
                    Not(HasSubstr("null")), Not(HasSubstr("text")), Not(HasSubstr("yes"))));
}

TEST(TensorBoardLog, AnEvaluationLeavesTheCountOfImagesToTheMetrics) {
  const fs::path directory = testing::fresh_directory("tensorboard_evaluation");
  TensorBoardLog log(directory, 0);
  log.evaluation({{"iteration", 3}, {"images/total", 96}, {"eval/test/reward", 0.5}});
  EXPECT_THAT(only_file(directory),
              AllOf(HasSubstr(scalar("eval/test/reward", 0.5F)), Not(HasSubstr("images/total"))));
}

TEST(TensorBoardLog, BrokenUtf8IsReplacedSinceItWouldMakeTheRecordUnreadable) {
  const fs::path directory = testing::fresh_directory("tensorboard_utf8");
  TensorBoardLog log(directory, 0);
  log.metrics({{"iteration", 1}, {"eval/\xFF/reward", 0.5}});
  log.config("name: \xFF\xC3\xA9\n");
  EXPECT_THAT(only_file(directory), AllOf(HasSubstr(scalar("eval/\xEF\xBF\xBD/reward", 0.5F)),
                                          HasSubstr("    name: \xEF\xBF\xBD\xC3\xA9\n")));
}

TEST(TensorBoardLog, ConfigIsABlockOfCodeWhateverStandsInIt) {
  const fs::path directory = testing::fresh_directory("tensorboard_config");
  TensorBoardLog(directory, 0).config("a: 1\nb:\n  - \"```\"\n");
  EXPECT_THAT(only_file(directory), HasSubstr("    a: 1\n    b:\n      - \"```\"\n"));
}

TEST(TensorBoardRun, WritesNothingUnlessAskedTo) {
  const fs::path world = testing::make_tiny_world("tensorboard_off");
  start(world, "run", {"iterations=1"});
  EXPECT_FALSE(fs::exists(world / "run/tensorboard"));
}

TEST(TensorBoardRun, HasMetricsEvaluationsGridsAndConfig) {
  const fs::path world = testing::make_tiny_world("tensorboard_on");
  start(world, "run",
        {"iterations=2", "tensorboard=true", "samples.every=1", "evaluation.every=2"});
  const std::string file = only_file(world / "run/tensorboard");
  for (const char* log : {"metrics.jsonl", "evaluations.jsonl"}) {
    const auto lines = run::MetricsLog::read(world / "run" / log);
    EXPECT_EQ(lines.size(), 2u) << log;
    for (const auto& line : lines) {
      for (const auto& [key, value] : line.items()) {
        if (key == "iteration" || !value.is_number()) continue;
        if (key == "images/total" && std::string(log) == "evaluations.jsonl") continue;
        EXPECT_THAT(file, HasSubstr(scalar(key, value.get<float>()))) << key;
      }
    }
  }
  for (const char* grid : {"000000", "000001", "000002"}) {
    const fs::path png = world / "run/samples" / ("iteration_" + std::string(grid) + ".png");
    EXPECT_NE(file.find(read_file(png)), std::string::npos) << grid;
  }
  EXPECT_THAT(file, HasSubstr("\n    algorithm: "));
}

TEST(TensorBoardRun, AResumedSessionRepeatsTheIterationThatItBeginsAt) {
  const fs::path world = testing::make_tiny_world("tensorboard_resumed");
  const std::vector<std::string> settings{"iterations=2", "tensorboard=true", "samples.every=2",
                                          "evaluation.every=2"};
  start(world, "run", settings);
  resume(world / "run", {"iterations=3"});
  const auto files = event_files(world / "run/tensorboard");
  ASSERT_EQ(files.size(), 2u);
  const std::string file = read_file(files[1]);
  const auto metrics = run::MetricsLog::read(world / "run/metrics.jsonl");
  const auto evaluations = run::MetricsLog::read(world / "run/evaluations.jsonl");
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_THAT(file, AllOf(Not(HasSubstr(scalar("reward/mean", metrics[0]["reward/mean"]))),
                          HasSubstr(scalar("reward/mean", metrics[1]["reward/mean"])),
                          HasSubstr(scalar("reward/mean", metrics[2]["reward/mean"]))));
  EXPECT_EQ(evaluations.at(1).at("iteration"), 2);
  EXPECT_THAT(file,
              HasSubstr(scalar("eval/prompts/reward", evaluations[1]["eval/prompts/reward"])));
  EXPECT_NE(file.find(read_file(world / "run/samples/iteration_000002.png")), std::string::npos);
}

}  // namespace
}  // namespace loopline::train
