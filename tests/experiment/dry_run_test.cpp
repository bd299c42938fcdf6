#include "loopline/experiment/dry_run.h"

#include <gtest/gtest.h>

#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

TEST(DryRun, CountsWhatAnIterationCallsAndWritesNothing) {
  const auto world = testing::make_tiny_world("dry_run");
  const auto before = std::distance(std::filesystem::directory_iterator(world), {});
  // 32 images in micro-batches of 8, 4 steps of which the last has no noise; 2 updates.
  const auto result = dry_run(train::load_train_plan(world / "run.yaml"));
  EXPECT_EQ(result["iteration"]["groups"], 8);
  EXPECT_EQ(result["iteration"]["forwards"], 4 * 4);
  EXPECT_EQ(result["iteration"]["pairs"], 32 * 3);
  EXPECT_EQ(result["iteration"]["updates"], 2);
  EXPECT_EQ(result["iteration"]["backwards"], 2 * 6);
  EXPECT_EQ(result["parameters"]["trainable"], 10);
  EXPECT_EQ(result["parameters"]["total"], 11);
  EXPECT_GT(result["seconds"]["run"], result["seconds"]["iteration"]);
  EXPECT_EQ(result["bytes"]["trajectories"], 4.0 * 32 * (5 * 48 + 48));
  EXPECT_GT(result["bytes"]["total"], result["bytes"]["trajectories"]);
  EXPECT_EQ(result["bytes"]["texts"], 3 * 4.0 * 2 * 2) << "three prompts, without guidance";
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(world), {}), before);
}

TEST(DryRun, CountsTheTextsThatTheRunEncodesAhead) {
  const auto world = testing::make_tiny_world("dry_run_texts");
  const auto texts = [&](const std::vector<std::string>& set) {
    return dry_run(train::load_train_plan(world / "run.yaml", set))["bytes"]["texts"];
  };
  EXPECT_EQ(texts({"sampler.guidance=2"}), 4 * 4.0 * 2 * 2) << "and the empty one";
  // One iteration draws 2 of the 3 prompts: it encodes them itself.
  EXPECT_EQ(texts({"iterations=1", "rollout.images=8"}), 0);
  EXPECT_EQ(texts({"iterations=1", "rollout.images=8", "evaluation.every=1"}), 3 * 4.0 * 2 * 2);
}

}  // namespace
}  // namespace loopline::experiment
