#include "loopline/experiment/comparison_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ComparisonConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::fresh_directory("comparison_config");
    for (const char* name : {"ppo.yaml", "loop.yaml", "prompts.txt"}) {
      std::ofstream(directory_ / name) << "\n";
    }
  }
  ComparisonConfig read(const std::string& text, const std::vector<std::string>& set = {}) {
    std::ofstream(directory_ / "compare.yaml") << text;
    return read_comparison(directory_ / "compare.yaml", set);
  }
  std::string refusal(const std::string& text) {
    try {
      read(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::kWrongUse);
      return error.what();
    }
    return "";
  }

  fs::path directory_;
};

constexpr const char* kSmall = "algorithms: [ppo, loop]\nseeds: [1, 2]\nimages: 100\n";

TEST_F(ComparisonConfigTest, NamesStandForConfigsBesideIt) {
  const ComparisonConfig c = read(kSmall);
  EXPECT_EQ(c.title, "compare");
  ASSERT_EQ(c.algorithms.size(), 2U);
  EXPECT_EQ(c.algorithms[1].name, "loop");
  EXPECT_EQ(c.algorithms[1].config, fs::canonical(directory_ / "loop.yaml"));
  EXPECT_THAT(c.algorithms[1].seeds, ElementsAre(1, 2));
  EXPECT_EQ(c.threads, 1);
  EXPECT_TRUE(c.tune.values.empty());
}

TEST_F(ComparisonConfigTest, AnAlgorithmMayHaveItsOwn) {
  const ComparisonConfig c = read(
      "algorithms: [ppo, {name: loop, seeds: [3], set: [optimizer.lr=0.1],"
      " sweep: {rollout.group_size: [2, 4]}}, {name: other, config: ppo.yaml}]\n"
      "sweep: {clip_nats: [1]}\nset: [iterations=7]\nseeds: [1]\nimages: 5\n");
  EXPECT_THAT(c.algorithms[1].seeds, ElementsAre(3));
  EXPECT_THAT(c.algorithms[1].set, ElementsAre("iterations=7", "optimizer.lr=0.1"));
  ASSERT_EQ(c.algorithms[1].sweep.size(), 1U);
  EXPECT_EQ(c.algorithms[1].sweep[0].option, "rollout.group_size");
  EXPECT_THAT(c.algorithms[1].sweep[0].values, ElementsAre("2", "4"));
  EXPECT_EQ(c.algorithms[0].sweep[0].option, "surrogate.clip_nats") << "short for the whole path";
  EXPECT_EQ(c.algorithms[2].config, fs::canonical(directory_ / "ppo.yaml"));
}

TEST_F(ComparisonConfigTest, SetAssignsItsOptions) {
  EXPECT_EQ(read(kSmall, {"images=12", "headline.metric=x"}).images, 12);
}

TEST_F(ComparisonConfigTest, PathsResolveAgainstIt) {
  const ComparisonConfig c = read(std::string(kSmall) +
                                  "tune: {values: [1], seeds: [9], prompts: prompts.txt}\n"
                                  "ways: [{name: eta 0, eta: 0, prompts: [prompts.txt]}]\n");
  EXPECT_EQ(*c.tune.prompts, fs::canonical(directory_ / "prompts.txt"));
  EXPECT_EQ(c.ways[0].prompts[0], fs::canonical(directory_ / "prompts.txt"));
  EXPECT_EQ(c.ways[0].eta, 0);
  EXPECT_FALSE(c.ways[0].steps);
}

TEST_F(ComparisonConfigTest, SaysWhatIsWrong) {
  const std::string small = kSmall;
  const std::pair<std::string, const char*> cases[] = {
      {"seeds: [1]\nimages: 1\n", "algorithms is missing"},
      {"algorithms: []\nseeds: [1]\nimages: 1\n", "no list with something in it"},
      {"algorithms: [ppo]\nimages: 1\n", "ppo has no seeds"},
      {"algorithms: [ppo]\nseeds: [1]\n", "images is missing"},
      {"algorithms: [ppo, ppo]\nseeds: [1]\nimages: 1\n", "two algorithms are named ppo"},
      {"algorithms: [grpo]\nseeds: [1]\nimages: 1\n", "there is no"},
      {"algorithms: [{name: a b, config: ppo.yaml}]\nseeds: [1]\nimages: 1\n", "cannot name"},
      {"algorithms: [{name: ppo, lr: 1}]\nseeds: [1]\nimages: 1\n", "lr"},
      {"algorithms: [ppo]\nseeds: [1, 1]\nimages: 1\n", "there twice"},
      {small + "sweep: {group_sise: [2]}\n", "did you mean"},
      {small + "sweep: {every: [2]}\n", "may be any of"},
      {small + "sweep: {group_size: 2}\n", "no list of values"},
      {small + "sweeps: 1\n", "sweeps"},
      {small + "tune: {values: [1]}\n", "tune.seeds is empty"},
      {small + "tune: {values: [1], seeds: [2]}\n", "search on other seeds"},
      {small + "tune: {values: [1], seeds: [9], option: optimizer.lrr}\n", "did you mean"},
      {small + "ways: [{name: default}]\n", "cannot name a way"},
      {small + "ways: [{name: a}, {name: a}]\n", "two ways are named a"},
      {small + "ways: [{steps: 3}]\n", "name is missing"}};
  for (const auto& [text, expected] : cases) {
    EXPECT_THAT(refusal(text), HasSubstr(expected)) << text;
  }
}

// The table in docs/comparing.md stands between two comments; LOOPLINE_UPDATE_DOCS=1 writes it.
TEST_F(ComparisonConfigTest, TheDocumentedOptionsAreTheRealOnes) {
  ComparisonConfig config;
  const std::string table =
      config::document_options([&](config::OptionVisitor& v) { config.describe(v); });
  const fs::path file = fs::path(LOOPLINE_SOURCE_DIR) / "docs/comparing.md";
  std::string page = read_file(file);
  const std::size_t begin = page.find("-->\n", page.find("<!-- options")) + 4;
  const std::size_t end = page.find("<!-- end of options");
  ASSERT_LE(begin, end);
  if (std::getenv("LOOPLINE_UPDATE_DOCS") != nullptr) {
    write_file_atomically(file, page.replace(begin, end - begin, table));
    return;
  }
  EXPECT_EQ(page.substr(begin, end - begin), table) << "write it again with LOOPLINE_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace loopline::experiment
