#include "loopline/bandit/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "bandit/log_fixture.h"
#include "loopline/core/process.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Reader = LogFiles;

std::string rows_of(int count) {
  std::string text = "action,reward,propensity,age\n";
  for (int i = 0; i < count; ++i) {
    text +=
        std::to_string(i % 7) + "," + std::to_string(i) + ",0.5," + std::to_string(i / 2) + "\n";
  }
  return text;
}

TEST_F(Reader, BlocksHaveTheirSizeAndTheRest) {
  LogReader reader(csv(file("log.csv", rows_of(2 * kBlockRows + 5))));
  const std::vector<LogBlock> blocks = blocks_of(reader);
  ASSERT_EQ(blocks.size(), 3U);
  std::int64_t row = 0;
  for (const LogBlock& block : blocks) {
    EXPECT_EQ(block.first_row, row);
    EXPECT_EQ(block.reward.front(), static_cast<double>(row));
    row += static_cast<std::int64_t>(block.size());
  }
  EXPECT_EQ(blocks[1].size(), kBlockRows);
  EXPECT_EQ(blocks[2].size(), 5U);
  LogReader exact(csv(file("exact.csv", rows_of(kBlockRows))));
  EXPECT_EQ(blocks_of(exact).size(), 1U);
}

TEST_F(Reader, BlocksGoOverTheEndsOfFiles) {
  LogConfig config = csv(file("a.csv", rows_of(5)));
  config.files.push_back(file("b.csv", rows_of(5)));
  ReadOptions options;
  options.limits.block_rows = 4;
  LogReader reader(config, {}, options);
  const std::vector<LogBlock> blocks = blocks_of(reader);
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_THAT(blocks[1].reward, ElementsAre(4, 0, 1, 2));
  EXPECT_EQ(blocks[2].first_row, 8);
}

TEST_F(Reader, BlocksOfManyFeaturesHaveFewerRows) {
  LogConfig config = csv(file("log.csv", rows_of(10)));
  config.context = {"age"};
  config.categorical = {"age"};
  ReadOptions options;
  options.limits.block_numbers = 20;  // of 6 a row
  LogReader reader(config, learn_encoding(config), options);
  std::vector<std::size_t> sizes;
  for (const LogBlock& block : blocks_of(reader)) sizes.push_back(block.size());
  EXPECT_THAT(sizes, ElementsAre(3, 3, 3, 1));
  options.limits.block_numbers = 1;  // a block has a row at least
  LogReader one(config, learn_encoding(config), options);
  EXPECT_EQ(blocks_of(one).size(), 10U);
}

TEST_F(Reader, TheBufferDoesNotGrowWithTheLog) {
  const std::string path = file("log.csv", rows_of(200'000));
  ReadOptions options;
  options.limits.buffer_bytes = 1 << 12;
  LogReader reader(csv(path), {}, options);
  std::size_t largest = 0;
  std::size_t rows = 0;
  while (const auto block = reader.next()) {
    largest = std::max(largest, reader.buffer_bytes());
    EXPECT_LE(block->reward.capacity(), 2 * kBlockRows);
    rows += block->size();
  }
  EXPECT_EQ(rows, 200'000U);
  EXPECT_EQ(largest, 1U << 12);
}

TEST_F(Reader, TheBufferGrowsForALongRowUpToTheLimit) {
  ReadOptions options;
  options.limits.buffer_bytes = 64;
  options.limits.line_bytes = 1000;
  const auto log = [](std::size_t note) {
    return "action,note,reward,propensity\n0," + std::string(note, 'x') + ",1,0.5\n0,,1,0.5\n";
  };
  LogReader reader(csv(file("log.csv", log(1000 - 8))), {}, options);
  EXPECT_EQ(reader.buffer_bytes(), 1003U);
  EXPECT_EQ(reader.next()->size(), 2U);
  EXPECT_THAT(log_error([&] { read_all(csv(file("long.csv", log(1001 - 8 + 2))), {}, options); }),
              HasSubstr("long.csv:2: a row of more than 1000 B"));
  const std::string open =
      "action,note,reward,propensity\n0,\"" + std::string(500, '\n') + rows_of(200);
  EXPECT_THAT(log_error([&] { read_all(csv(file("open.csv", open)), {}, options); }),
              HasSubstr("open.csv:2: a row of more than 1000 B; is a quote left open"));
}

TEST_F(Reader, RefusesADirectoryAndAMissingFile) {
  EXPECT_THAT(log_error([&] { LogReader reader(csv(path_of("none.csv"))); }),
              HasSubstr("none.csv: no such file"));
  EXPECT_THAT(log_error([&] { LogReader reader(csv(path_of(""))); }), HasSubstr("no such file"));
}

// The sample of the Open Bandit data set lies beside the project on some machines.
TEST_F(Reader, ReadsTheOpenBanditSample) {
  const fs::path packed =
      fs::path(LOOPLINE_SOURCE_DIR).parent_path() / "shared/data/obd_small/random/men/men.csv.xz";
  if (!fs::exists(packed)) GTEST_SKIP() << "there is no " << packed;
  if (!has_program("xz")) GTEST_SKIP() << "xz is not installed";
  const std::string path = file("men.csv", run_program({"xz", "-dc", packed.string()}, ""));
  LogConfig config;
  config.files = {path};
  config.action = "item_id";
  config.reward.column = "click";
  config.propensity = "propensity_score";
  config.position = "position";
  config.time = "timestamp";
  config.context = {"user_feature_*", "user-item_affinity_*"};
  config.actions = 34;
  const LogEncoding encoding = learn_encoding(config);
  EXPECT_EQ(encoding.context.width(), 4U + 6 + 10 + 9 + 34);  // an unseen bucket each, affinities
  LogReader reader(config, encoding);
  const LogBlock block = *reader.next();
  EXPECT_EQ(block.size(), 10'000U);
  // By Python's csv module: clicks, sums of item_id, of position and of the affinities.
  EXPECT_EQ(std::accumulate(block.reward.begin(), block.reward.end(), 0.0) / 10'000, 0.0046);
  EXPECT_EQ(std::accumulate(block.action.begin(), block.action.end(), 0), 164803);
  EXPECT_EQ(std::accumulate(block.position.begin(), block.position.end(), 0), 20044);
  double affinities = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const double* row = &block.context[i * block.features];
    affinities += std::accumulate(row + 29, row + 63, 0.0);
    EXPECT_EQ(std::accumulate(row, row + 29, 0.0), 4);
  }
  EXPECT_EQ(affinities, 642);
  for (const double p : block.propensity) EXPECT_EQ(p, 1.0 / 34);
  EXPECT_EQ(block.time.back(), 1575158339.642633);
  EXPECT_EQ(reader.next(), std::nullopt);
}

TEST_F(Reader, HandsOutTheRowsThatAreKeptAndKnowsTheOthers) {
  LogConfig config = csv(file("log.csv",
                              "action,reward,propensity,user\n0,1,0.5,7\n1,2,0.5,8\n"
                              "5,3,0.5,8\n2,4,0.5,7\n"));
  ReadOptions options;
  options.keep = [](std::int64_t unit) { return unit % 2 == 1; };
  const auto rewards = [&] { return read_all(config, {}, options).reward; };
  EXPECT_EQ(rewards(), (std::vector<double>{2, 4}));  // by number
  config.cluster = "user";
  EXPECT_EQ(rewards(), (std::vector<double>{1, 4}));  // by cluster
  LogReader reader(config, {}, options);
  EXPECT_EQ(reader.next()->first_row, 0);
  EXPECT_EQ(reader.rows(), 2);
  EXPECT_EQ(reader.actions(), 6);  // of all rows
}

}  // namespace
}  // namespace loopline::bandit
