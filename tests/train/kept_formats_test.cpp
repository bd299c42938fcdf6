// Files of format version 1, as the first release of each wrote them (tests/kept/v1), load for
// ever. Never write those files anew: a change that cannot read them is a new version with a reader
// for the old one.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/files.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;

/// A copy of the kept files in a place of its own, which their configs name.
fs::path kept_world(const std::string& name) {
  const fs::path world = testing::fresh_directory(name);
  fs::copy(fs::path(LOOPLINE_SOURCE_DIR) / "tests" / "kept" / "v1", world,
           fs::copy_options::recursive);
  for (const char* run : {"loop", "ppo"}) {
    const fs::path config = world / "runs" / run / "config.yaml";
    std::string text = read_file(config);
    const std::string mark = "@WORLD@";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark)) {
      text.replace(at, mark.size(), world.string());
    }
    std::ofstream(config) << text;
  }
  return world;
}

class KeptRun : public ::testing::TestWithParam<const char*> {};

TEST_P(KeptRun, OfVersion1IsReadAndGoesOn) {
  const auto world = kept_world(std::string("kept_") + GetParam());
  const fs::path run = world / "runs" / GetParam();
  const auto directory = run::RunDirectory::open(run);
  const auto checkpoint = run::latest_checkpoint(
      directory.checkpoints(), [](const std::string& line) { ADD_FAILURE() << line; });
  ASSERT_TRUE(checkpoint);
  const TrainedWeights weights = trained_weights(directory);
  EXPECT_EQ(weights.tensors.size(), 3U);
  const std::string log = read_file(run / "metrics.jsonl");

  const std::int64_t last = checkpoint->iteration + 2;
  resume(run, {"iterations=" + std::to_string(last)});
  EXPECT_EQ(read_file(run / "metrics.jsonl").substr(0, log.size()), log) << "its history stays";
  EXPECT_EQ(run::MetricsLog::read(run / "metrics.jsonl").back()["iteration"], last);
  EXPECT_EQ(run::latest_checkpoint(directory.checkpoints(), {})->iteration, last);
  for (const auto& [name, tensor] : trained_weights(directory).tensors) {
    EXPECT_LT((tensor - weights.tensors.at(name)).abs().max().item<double>(), 0.5) << name;
    EXPECT_FALSE(at::equal(tensor, weights.tensors.at(name))) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Runs, KeptRun, ::testing::Values("loop", "ppo"),
                         [](const auto& info) { return std::string(info.param); });

TEST(KeptFiles, ModelAndRewardBundlesOfVersion1Start) {
  const auto world = kept_world("kept_bundles");
  start(world, "fresh", {"iterations=1"});
  EXPECT_EQ(run::MetricsLog::read(world / "fresh" / "metrics.jsonl").size(), 1U);
}

}  // namespace
}  // namespace loopline::train
