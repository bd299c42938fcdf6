#include "loopline/experiment/comparison_cells.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class ComparisonCellsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    world_ = testing::make_tiny_world("comparison_cells");
    std::ofstream(world_ / "reinforce.yaml")
        << "base: run.yaml\nalgorithm: reinforce\nrollout: {group_size: 1}\n"
           "learner: {updates_per_epoch: 1}\n";
    std::ofstream(world_ / "others.txt") << "dark\n";
  }
  ComparisonConfig read(const std::string& more, const std::string& images = "100") {
    std::ofstream(world_ / "compare.yaml")
        << "algorithms: [{name: loop, config: run.yaml}, reinforce]\nseeds: [5, 6]\nimages: "
        << images << "\n"
        << more;
    return read_comparison(world_ / "compare.yaml");
  }
  static std::vector<std::string> names(const std::vector<CellPlan>& cells) {
    std::vector<std::string> result;
    for (const CellPlan& cell : cells) result.push_back(cell.name);
    return result;
  }

  std::filesystem::path world_;
};

TEST_F(ComparisonCellsTest, AreSeedsOfAlgorithmsWholeRowsFirst) {
  const auto cells = comparison_cells(read(""), {});
  EXPECT_THAT(names(cells), ::testing::ElementsAre("loop-seed-5", "reinforce-seed-5", "loop-seed-6",
                                                   "reinforce-seed-6"));
  EXPECT_EQ(cells[0].arm, "loop");
  EXPECT_TRUE(cells[0].with_base && cells[0].pictures && cells[1].pictures);
  EXPECT_FALSE(cells[1].with_base || cells[2].with_base || cells[2].pictures);
}

TEST_F(ComparisonCellsTest, TrainOnEquallyManyImages) {
  for (const CellPlan& cell : comparison_cells(read(""), {})) {
    EXPECT_EQ(cell.images, 128) << "100 rounded up to iterations of 32";
    EXPECT_EQ(cell.iterations, 4);
  }
  const auto longer =
      comparison_cells(read("set: [samples.every=0]\nsweep: {rollout.images: [32, 48]}\n"), {});
  EXPECT_EQ(longer[0].name, "loop-images-32-seed-5");
  EXPECT_EQ(longer[0].images, 192) << "96 is the least that both divide";
  EXPECT_EQ(longer[0].iterations, 6);
  EXPECT_EQ(longer[1].iterations, 4);
}

TEST_F(ComparisonCellsTest, EqualUpdatesMeanSmallerIterations) {
  const auto cells = comparison_cells(read("equal_updates: true\n"), {});
  EXPECT_THAT(names(cells), Contains("reinforce-equal-updates-seed-5"));
  for (const CellPlan& cell : cells) {
    if (cell.group == "main") continue;
    EXPECT_EQ(cell.arm, "reinforce-equal-updates");
    EXPECT_EQ(cell.iterations, 8) << "as many updates as 4 iterations of 2";
    EXPECT_EQ(cell.images, 128);
    EXPECT_THAT(cell.assignments, Contains("rollout.images=16"));
    EXPECT_THAT(cell.assignments, Contains("samples.every=4")) << "pictures at equal images";
  }
}

TEST_F(ComparisonCellsTest, TakeWhatTheSearchChose) {
  const auto cells = comparison_cells(read("tune: {values: [1], seeds: [9]}\n"), {{"loop", "0.5"}});
  EXPECT_EQ(*setting(cells[0].settings, "optimizer.lr"), "0.5");
  EXPECT_EQ(*setting(cells[1].settings, "optimizer.lr"), "0.02");
}

TEST_F(ComparisonCellsTest, TheSearchIsOfEqualSize) {
  const auto cells = tuning_cells(
      read("tune: {values: [0.001, 0.02], seeds: [8, 9], images: 33, prompts: others.txt}\n"));
  ASSERT_EQ(cells.size(), 8U) << "two algorithms, values and seeds";
  EXPECT_EQ(cells[0].name, "tune-loop-0.001-seed-8");
  EXPECT_EQ(cells[0].arm, "tune/loop/0.001");
  EXPECT_EQ(cells[0].iterations, 2);
  EXPECT_TRUE(cells[0].evaluations.empty());
  EXPECT_THAT(*setting(cells[0].settings, "prompts"), HasSubstr("others.txt"));
}

TEST_F(ComparisonCellsTest, WantTheEvaluationsOfAllWays) {
  const auto cells =
      comparison_cells(read("ways: [{name: fast, steps: 2, eta: 0, prompts: others.txt}]\n"), {});
  ASSERT_EQ(cells[0].evaluations.size(), 2U);
  const report::Evaluation& own = cells[0].evaluations[0].result;
  EXPECT_EQ(own.name, "default");
  EXPECT_EQ(own.images_per_prompt, 4);
  EXPECT_EQ(own.splits[0].name, "prompts");
  const report::Evaluation& fast = cells[0].evaluations[1].result;
  EXPECT_EQ(fast.steps, 2);
  EXPECT_EQ(fast.eta, 0);
  EXPECT_THAT(fast.splits[0].prompts, ::testing::ElementsAre("dark"));

  report::Evaluation made = fast;
  EXPECT_TRUE(is_wanted(cells[0].evaluations[1], made));
  EXPECT_FALSE(is_wanted(cells[0].evaluations[0], made));
  made.splits[0].prompts = {"light"};
  EXPECT_FALSE(is_wanted(cells[0].evaluations[1], made));
}

TEST_F(ComparisonCellsTest, KnowTheirOwn) {
  const CellPlan plan = comparison_cells(read(""), {})[0];
  report::Cell cell;
  cell.settings = plan.settings;
  cell.curve.images = {128};
  EXPECT_EQ(other_settings(plan, cell), "");
  const auto change = [&](const std::string& option, const std::string& value) {
    report::Cell other = cell;
    for (auto& [name, text] : other.settings) {
      if (name == option) text = value;
    }
    return other_settings(plan, other);
  };
  EXPECT_EQ(change("optimizer.lr", "0.5"), "optimizer.lr is 0.5 there, not 0.02");
  EXPECT_EQ(change("threads", "2"), "threads is 2 there, not 1") << "threads change bits";
  EXPECT_EQ(change("samples.every", "1"), "") << "what it draws beside changes nothing";
  EXPECT_EQ(change("iterations", "2"), "") << "it is made longer";
  EXPECT_EQ(change("optimizer.decay_iterations", "9"), "") << "of a constant schedule";
  cell.curve.images = {160};
  EXPECT_THAT(other_settings(plan, cell), HasSubstr("160 images, not 128"));
}

TEST_F(ComparisonCellsTest, ContradictionsAreToldBeforeAnythingRuns) {
  const auto cells_of = [&](const std::string& more, const std::string& images = "100") {
    return [this, more, images] { comparison_cells(read(more, images), {}); };
  };
  EXPECT_THAT(cells_of("sweep: {group_size: [3]}\n"),
              ThrowsMessage<Error>(HasSubstr("group_size")));
  EXPECT_THAT(cells_of("sweep: {rollout.images: [28, 32, 36]}\n", "100"),
              ThrowsMessage<Error>(HasSubstr("in common")));
}

TEST_F(ComparisonCellsTest, IterationsThatCannotBeMadeSmallerAreNamed) {
  read("equal_updates: true\n");
  const std::string loop = "{name: loop, config: " + (world_ / "run.yaml").string() +
                           ", set: [learner.updates_per_epoch=5]}";
  const std::string other =
      "{name: reinforce, config: " + (world_ / "reinforce.yaml").string() + "}";
  const auto config =
      read_comparison(world_ / "compare.yaml", {"algorithms=[" + loop + ", " + other + "]"});
  EXPECT_THAT([&] { comparison_cells(config, {}); },
              ThrowsMessage<Error>(HasSubstr("reinforce makes 1 updates of 32 images")));
}

}  // namespace
}  // namespace loopline::experiment
