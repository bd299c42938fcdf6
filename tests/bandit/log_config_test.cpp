#include "loopline/bandit/log_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bandit/log_fixture.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

using Config = LogFiles;

LogConfig read(const std::string& yaml) {
  LogConfig config;
  config::read_options(config::parse_yaml(yaml, "/logs/run.yaml"),
                       [&](config::OptionVisitor& v) { config.describe(v); });
  return config;
}

TEST_F(Config, IsReadFromYaml) {
  const LogConfig config = read(
      "files: [a.csv, b.csv]\naction: item\nreward: {column: cost, sign: -1}\npropensity: p\n"
      "context: ['user_*', age]\ncategorical: age\nposition: slot\nactions: 34\nbad_rows: skip\n");
  EXPECT_THAT(config.files, ElementsAre("/logs/a.csv", "/logs/b.csv"));
  EXPECT_EQ(config.reward.column, "cost");
  EXPECT_EQ(config.reward.sign, -1);
  EXPECT_THAT(config.context, ElementsAre("user_*", "age"));
  EXPECT_THAT(config.categorical, ElementsAre("age"));
  EXPECT_EQ(config.actions, 34);
  EXPECT_EQ(config.format, std::nullopt);
  EXPECT_EQ(config.bad_rows, "skip");
  EXPECT_THAT(log_error([] { read("rewards: {column: a}\n"); }), HasSubstr("did you mean"));
  EXPECT_THAT(log_error([] { read("bad_rows: ignore\n"); }), HasSubstr("stop"));
}

TEST_F(Config, FormatsFollowEndingsUnlessStated) {
  LogConfig config;
  EXPECT_EQ(format_of(config, "a.csv"), LogFormat::kCsv);
  EXPECT_EQ(format_of(config, "a.tsv"), LogFormat::kCsv);
  EXPECT_EQ(format_of(config, "a.safetensors"), LogFormat::kColumns);
  EXPECT_EQ(format_of(config, "a.dat"), LogFormat::kVw);
  EXPECT_EQ(format_of(config, "a.jsonl"), LogFormat::kDsjson);
  EXPECT_THAT(log_error([&] { format_of(config, "a.txt"); }), HasSubstr("a.txt: the ending"));
  config.format = "vw";
  EXPECT_EQ(format_of(config, "a.csv"), LogFormat::kVw);
}

TEST_F(Config, ContradictionsAreNamed) {
  const auto error = [](const LogConfig& config) { return log_error([&] { config.check(); }); };
  const std::string table = file("log.csv", "");
  const std::string lines = file("log.vw", "");
  EXPECT_EQ(error(csv(table)), "no error");
  EXPECT_EQ(error(other(lines)), "no error");
  EXPECT_THAT(error({}), HasSubstr("log.files: no log is named"));
  EXPECT_THAT(error(csv(path_of("none.csv"))), EndsWith("none.csv: no such file"));
  EXPECT_THAT(error(other(table)), HasSubstr("log.action: the action's column is not named"));
  EXPECT_THAT(error(csv(lines)), HasSubstr("log.action: is for CSV logs"));
  LogConfig config = csv(table);
  config.reward.sign = 0;
  EXPECT_THAT(error(config), HasSubstr("log.reward.sign: must be 1 or -1"));
  config = csv(table);
  config.reward.column.reset();
  EXPECT_THAT(error(config), HasSubstr("log.reward.column"));
  config = other(file("log.safetensors", ""));
  config.actions = 3;
  EXPECT_THAT(error(config), HasSubstr("has its signs and actions in itself"));
  config.actions.reset();
  config.files.push_back(lines);
  EXPECT_THAT(error(config), HasSubstr("it stands alone"));
}

}  // namespace
}  // namespace loopline::bandit
