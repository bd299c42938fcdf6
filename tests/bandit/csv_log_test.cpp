#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "bandit/log_fixture.h"
#include "loopline/core/random.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using CsvLog = LogFiles;

// What the reader makes of buffers so small that every byte is once at a border.
ReadOptions small_buffer(std::size_t bytes) {
  ReadOptions options;
  options.limits.buffer_bytes = bytes;
  return options;
}

TEST_F(CsvLog, ReadsEveryColumn) {
  LogConfig config = csv(file("log.csv",
                              "who,action,reward,propensity,pi,slot,when,by,times\n"
                              "7,2,0.5,0.25,1,1,2019-11-24 00:03:13.5+00:00,old,2\n"
                              "ann,0,-1e-3,1,0,3,2019-11-24T01:03:13+01:00,new,0.5\n"
                              "7, +1 ,3,0.5,.5,2,17.25,old,1\n"));
  config.target = "pi";
  config.position = "slot";
  config.cluster = "who";
  config.time = "when";
  config.logger = "by";
  config.multiplicity = "times";
  LogReader reader(config);
  const LogBlock block = *reader.next();
  EXPECT_THAT(block.action, ElementsAre(2, 0, 1));
  EXPECT_THAT(block.reward, ElementsAre(0.5, -1e-3, 3));
  EXPECT_THAT(block.propensity, ElementsAre(0.25, 1, 0.5));
  EXPECT_THAT(block.target, ElementsAre(1, 0, 0.5));
  EXPECT_THAT(block.position, ElementsAre(1, 3, 2));
  // date -u -d '2019-11-24 00:03:13' +%s
  EXPECT_THAT(block.time, ElementsAre(1574553793.5, 1574553793, 17.25));
  EXPECT_THAT(block.logger, ElementsAre(0, 1, 0));
  EXPECT_THAT(reader.loggers(), ElementsAre("old", "new"));
  EXPECT_THAT(block.multiplicity, ElementsAre(2, 0.5, 1));
  EXPECT_EQ(block.cluster[0], 7);
  EXPECT_EQ(block.cluster[2], 7);
  EXPECT_NE(block.cluster[1], 7);
  EXPECT_THAT(block.context, IsEmpty());
  EXPECT_THAT(block.sets.offset, IsEmpty());
  EXPECT_EQ(reader.next(), std::nullopt);
  EXPECT_EQ(reader.rows(), 3);
  EXPECT_EQ(reader.actions(), 3);
}

TEST_F(CsvLog, CostsBecomeRewards) {
  LogConfig config = csv(file("log.csv", "action,reward,propensity\n0,2,.5\n"));
  config.reward.sign = -1;
  EXPECT_THAT(read_all(config).reward, ElementsAre(-2));
}

TEST_F(CsvLog, FindsTabsUnlessCommasAreStated) {
  const std::string path = file("log.tsv", "action\treward\tpropensity\n1\t2\t0.5\n");
  EXPECT_THAT(read_all(csv(path)).action, ElementsAre(1));
  LogConfig config = csv(path);
  config.delimiter = "comma";
  EXPECT_THAT(log_error([&] { LogReader reader(config); }),
              HasSubstr("log.tsv:1: no column is called \"action\""));
}

TEST_F(CsvLog, NamesOfActionsComeFromAFile) {
  LogConfig config = csv(file("log.csv", "action,reward,propensity\nplay,1,.5\n\"a,b\",1,.5\n"));
  config.action_names = file("names", "stop\r\na,b\nplay\n");
  LogReader reader(config);
  EXPECT_THAT(reader.next()->action, ElementsAre(2, 1));
  EXPECT_EQ(reader.actions(), 3);
  config.files = {file("bad.csv", "action,reward,propensity\nplay,1,.5\nrun,1,.5\n")};
  EXPECT_THAT(log_error([&] { read_all(config); }),
              HasSubstr("bad.csv:3: column \"action\": the action \"run\" is not known"));
  config.actions = 4;
  EXPECT_THAT(log_error([&] { LogReader again(config); }),
              HasSubstr("names 3 actions, and actions says 4"));
  config.action_names = file("twice", "a\nb\na\n");
  EXPECT_THAT(log_error([&] { LogReader again(config); }),
              HasSubstr("twice:3: an action is named"));
}

class CsvBuffers : public LogFiles, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(CsvBuffers, QuotesLineEndsAndMarksAcrossEveryBorder) {
  LogConfig config = csv(file("log.csv",
                              "\xEF\xBB\xBFnote,\"action\",reward,\"propensity\",city\r\n"
                              "\"a, \"\"b\"\"\nc\",1,0.5,0.25,\"x,y\"\r\n"
                              "\r\n"
                              "5\" tv,0,1.5,\"0.5\",\"\"\r\n"
                              "\"\"\"\",2,2.5,1,\"line\nbreak\""));
  config.context = {"city"};
  const LogEncoding encoding = learn_encoding(config, small_buffer(GetParam()));
  EXPECT_THAT(encoding.context.columns()[0].categories, ElementsAre("x,y", "", "line\nbreak"));
  const LogBlock block = read_all(config, encoding, small_buffer(GetParam()));
  EXPECT_THAT(block.action, ElementsAre(1, 0, 2));
  EXPECT_THAT(block.reward, ElementsAre(0.5, 1.5, 2.5));
  EXPECT_THAT(block.propensity, ElementsAre(0.25, 0.5, 1));
  EXPECT_THAT(block.context, ElementsAre(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0));
}

TEST_P(CsvBuffers, LineNumbersCountLinesInQuotes) {
  const std::string path = file("log.csv",
                                "note,action,reward,propensity\n"
                                "\"1\n2\n3\",0,1,.5\n"
                                "\n"
                                "x,1,1,1.5\n");
  EXPECT_THAT(log_error([&] { read_all(csv(path), {}, small_buffer(GetParam())); }),
              HasSubstr("log.csv:6: column \"propensity\": a propensity of 1.5 is not in (0, 1]"));
}

INSTANTIATE_TEST_SUITE_P(Sizes, CsvBuffers,
                         ::testing::Values(1, 2, 3, 4, 5, 7, 11, 16, 23, 64, 1 << 20));

// A peer that reads one character after the other from a string.
std::vector<std::vector<std::string>> naive_parse(const std::string& text) {
  std::vector<std::vector<std::string>> rows(1);
  std::string field;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] != '"') {
        field += text[i];
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        field += text[++i];
      } else {
        quoted = false;
      }
    } else if (text[i] == '"' && field.empty()) {
      quoted = true;
    } else if (text[i] == ',' || text[i] == '\n') {
      rows.back().push_back(std::exchange(field, ""));
      if (text[i] == '\n') rows.emplace_back();
    } else if (text[i] != '\r') {
      field += text[i];
    }
  }
  rows.pop_back();
  return rows;
}

TEST_F(CsvLog, RandomFilesReadAsByANaiveParser) {
  const std::vector<std::string> pieces = {"a", "\"\"", ",", "\n", " ", "b", "\t", "x1"};
  Draw draw{.seed = 5, .stream = Stream::kBootstrap};
  for (int round = 0; round < 60; ++round) {
    ++draw.iteration;
    const auto random = random_integers(draw, 1 << 16, 600);
    std::size_t at = 0;
    const auto pick = [&](std::size_t bound) { return random[at++] % bound; };
    std::string text = "reward,name,action,propensity\n";
    for (std::size_t row = 0; row < 30; ++row) {
      std::string name;
      for (std::size_t i = pick(5); i > 0; --i) name += pieces[pick(pieces.size())];
      // Quotes where they must be, and at times where they need not.
      if (name.find_first_of("\",\n") != std::string::npos || pick(3) == 0) name = '"' + name + '"';
      text += std::to_string(pick(1000) / 8.0) + "," + name + "," + std::to_string(pick(9)) + "," +
              std::to_string((1 + pick(999)) / 1000.0) + (pick(2) == 0 ? "\r\n" : "\n");
    }
    LogConfig config = csv(file("random.csv", text));
    config.context = {"name"};
    config.categorical = {"name"};
    const ReadOptions options = small_buffer(1 + pick(100));
    const LogEncoding encoding = learn_encoding(config, options);
    const LogBlock block = read_all(config, encoding, options);
    const auto naive = naive_parse(text);
    ASSERT_EQ(block.size(), naive.size() - 1);
    for (std::size_t i = 0; i < block.size(); ++i) {
      const std::vector<std::string>& row = naive[i + 1];
      EXPECT_EQ(block.reward[i], std::stod(row[0]));
      EXPECT_EQ(block.action[i], std::stoll(row[2]));
      EXPECT_EQ(block.propensity[i], std::stod(row[3]));
      const double* context = &block.context[i * block.features];
      EXPECT_EQ(context[encoding.context.place(0, row[1])], 1) << text;
      EXPECT_EQ(std::accumulate(context, context + block.features, 0.0), 1);
      EXPECT_EQ(encoding.context.names()[encoding.context.place(0, row[1])], "name=" + row[1]);
    }
  }
}

struct BadLine {
  const char* line;
  const char* message;
};
class CsvBadRows : public LogFiles, public ::testing::WithParamInterface<BadLine> {};

TEST_P(CsvBadRows, StopWithTheirPlaceOrAreCounted) {
  const std::string text = std::string("age,action,reward,propensity,pi,slot,n,when\n") +
                           "1,0,1,.5,1,1,1,1\n" + GetParam().line + "\n2,1,3,.5,0,1,1,1\n";
  LogConfig config = csv(file("log.csv", text));
  config.target = "pi";
  config.position = "slot";
  config.multiplicity = "n";
  config.time = "when";
  config.actions = 4;
  const LogEncoding encoding{FeatureEncoding({{"age", false, {}}}), {}};
  const std::string error = log_error([&] { read_all(config, encoding); });
  EXPECT_THAT(error, HasSubstr(std::string("log.csv:3: ") + GetParam().message));
  EXPECT_THAT(error, HasSubstr("bad_rows: skip"));
  config.bad_rows = "skip";
  LogReader reader(config, encoding);
  const LogBlock block = *reader.next();
  EXPECT_THAT(block.reward, ElementsAre(1, 3));
  EXPECT_THAT(block.context, ElementsAre(1, 2));
  EXPECT_EQ(reader.skipped(), 1);
  ASSERT_EQ(reader.skipped_messages().size(), 1U);
  EXPECT_THAT(reader.skipped_messages()[0],
              HasSubstr(std::string("log.csv:3: ") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, CsvBadRows,
    ::testing::Values(
        BadLine{"1,0,1,0,1,1,1,1", "column \"propensity\": a propensity of 0.0 is not in (0, 1]"},
        BadLine{"1,0,1,-.1,1,1,1,1", "column \"propensity\": a propensity of -0.1 is not"},
        BadLine{"1,0,1,1.0000001,1,1,1,1", "column \"propensity\": a propensity of 1.0000001 is"},
        BadLine{"1,0,1,,1,1,1,1", "column \"propensity\": is empty"},
        BadLine{"1,0,1,nan,1,1,1,1", "column \"propensity\": \"nan\" is no finite number"},
        BadLine{"1,0,inf,.5,1,1,1,1", "column \"reward\": \"inf\" is no finite number"},
        BadLine{"1,0,1e999,.5,1,1,1,1", "column \"reward\": \"1e999\" is no number"},
        BadLine{"1,0,1.5x,.5,1,1,1,1", "column \"reward\": \"1.5x\" is no number"},
        BadLine{"1,4,1,.5,1,1,1,1", "column \"action\": the action 4 is not known: there are 0 to"},
        BadLine{"1,-1,1,.5,1,1,1,1", "column \"action\": the action -1 is not known"},
        BadLine{"1,1.5,1,.5,1,1,1,1", "column \"action\": \"1.5\" is no whole number"},
        BadLine{"1,play,1,.5,1,1,1,1", "column \"action\": \"play\" is no whole number"},
        BadLine{"nan,0,1,.5,1,1,1,1", "column \"age\": \"nan\" is no finite number"},
        BadLine{"1,0,1,.5,1.1,1,1,1", "column \"pi\": a probability of 1.1 is not in [0, 1]"},
        BadLine{"1,0,1,.5,1,-2,1,1", "column \"slot\": the position -2 is negative"},
        BadLine{"1,0,1,.5,1,1,0,1", "column \"n\": a multiplicity of 0.0 is not positive"},
        BadLine{"1,0,1,.5,1,1,1,soon", "column \"when\": \"soon\" is neither a number nor a date"},
        BadLine{"1,0,1,.5,1,1,1,2019-02-29", "column \"when\": \"2019-02-29\" is neither"},
        BadLine{"1,0,1,.5,1,1,1", "has 7 fields, and the header has 8"},
        BadLine{"1,0,1,.5,1,1,1,1,", "has 9 fields, and the header has 8"}));

TEST_F(CsvLog, AllMessagesAreCountedAndTenKept) {
  std::string text = "action,reward,propensity\n0,1,.5\n";
  for (int i = 0; i < 25; ++i) text += "0,x,.5\n";
  LogConfig config = csv(file("log.csv", text));
  config.bad_rows = "skip";
  LogReader reader(config);
  EXPECT_EQ(blocks_of(reader).size(), 1U);
  EXPECT_EQ(reader.skipped(), 25);
  EXPECT_EQ(reader.skipped_messages().size(), 10U);
  EXPECT_THAT(reader.skipped_messages()[9], HasSubstr("log.csv:12: column \"reward\""));
}

TEST_F(CsvLog, PropensitiesThatAreAllOneAreNoLoggedProbabilities) {
  const std::string text = "action,reward,propensity\n0,1,1\n1,0,1.0\n";
  EXPECT_THAT(log_error([&] { read_all(csv(file("ones.csv", text))); }),
              HasSubstr("ones.csv: all propensities are exactly 1: these are not logged prob"));
  EXPECT_EQ(read_all(csv(file("log.csv", text + "0,1,0.999\n"))).size(), 3U);
}

TEST_F(CsvLog, MayBeWithoutPropensitiesOnlyWhenAsked) {
  LogConfig config = csv(file("log.csv", "action,reward\n0,1\n"));
  config.propensity.reset();
  EXPECT_THAT(log_error([&] { LogReader reader(config); }), HasSubstr("log.propensity"));
  ReadOptions options;
  options.needs_propensity = false;
  const LogBlock block = read_all(config, {}, options);
  EXPECT_EQ(block.size(), 1U);
  EXPECT_THAT(block.propensity, IsEmpty());
}

TEST_F(CsvLog, DamagedFilesAreRefusedWhateverIsSkipped) {
  const auto error = [&](const std::string& text) {
    LogConfig config = csv(file("log.csv", text));
    config.bad_rows = "skip";
    return log_error([&] { read_all(config, {}, small_buffer(8)); });
  };
  EXPECT_THAT(error(""), HasSubstr("log.csv: holds no header"));
  EXPECT_THAT(error("action,reward,propensity\n"), HasSubstr("log.csv: holds no row"));
  EXPECT_THAT(error("action,reward,propensity\n0,1\n"), HasSubstr("log.csv: holds no good row"));
  EXPECT_THAT(error("action,reward,propensity\n0,1,.5\n\"1,1,.5\n1,1,.5\n"),
              HasSubstr("log.csv:3: a quote is open at the end of the file"));
  EXPECT_THAT(error("action,reward,propensities\n0,1,.5\n"),
              HasSubstr("log.csv:1: no column is called \"propensity\"; did you mean"));
  EXPECT_THAT(error("action,reward,propensity,action\n0,1,.5,1\n"),
              HasSubstr("log.csv:1: two columns are called \"action\""));
  EXPECT_THAT(error("action;reward;propensity\n0;1;.5\n"),
              HasSubstr("separated by commas or tabs"));
}

TEST_F(CsvLog, ACutOffLastRowIsBad) {
  const std::string path = file("log.csv", "action,reward,propensity\n0,1,.5\n1,1");
  EXPECT_THAT(log_error([&] { read_all(csv(path)); }), HasSubstr("log.csv:3: has 2 fields"));
}

TEST_F(CsvLog, FilesAreOneLogWhateverTheOrderOfTheirColumns) {
  LogConfig config = csv(file("a.csv", "action,reward,propensity,age\n0,1,.5,20\n"));
  config.files.push_back(file("b.csv", "age\tpropensity\treward\taction\n30\t0.25\t2\t1\n"));
  config.context = {"age"};
  const LogBlock block = read_all(config, learn_encoding(config));
  EXPECT_THAT(block.action, ElementsAre(0, 1));
  EXPECT_THAT(block.propensity, ElementsAre(.5, .25));
  EXPECT_THAT(block.context, ElementsAre(20, 30));
}

}  // namespace
}  // namespace loopline::bandit
