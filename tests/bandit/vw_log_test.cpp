#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bandit/log_fixture.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using VwLog = LogFiles;

constexpr const char* kLines =
    "1:2:0.4 | a:1.5 c\n"
    "3:-0.5:0.2 'tag|user:2 age:3 city=Rome |item price:4\n"
    "\n"
    "4:1:0.5 tag2|user city:Oslo\n"
    "2:0:1\n";

constexpr const char* kExamples =
    "shared |user age:3 city=Rome\n"
    "|item price:1\n"
    "0:-1.5:0.25 |item price:2 new\n"
    "\n"
    "\n"
    "|item price:3\n"
    "1:0.5:0.5 |item price:4\n"
    "|item price:5\n";

TEST_F(VwLog, ReadsALineARow) {
  const LogConfig config = other(file("log.vw", kLines));
  const LogEncoding encoding = learn_encoding(config);
  EXPECT_THAT(encoding.context.names(),
              ElementsAre("a", "c", "user^age", "user^city=Rome", "user^city=Oslo",
                          "user^city (unseen)", "item^price"));
  EXPECT_THAT(encoding.action.columns(), IsEmpty());
  const LogBlock block = read_all(config, encoding);
  EXPECT_THAT(block.action, ElementsAre(0, 2, 3, 1));
  EXPECT_THAT(block.reward, ElementsAre(-2, 0.5, -1, 0));
  EXPECT_THAT(block.propensity, ElementsAre(0.4, 0.2, 0.5, 1));
  // The namespace weight 2 holds for numbers.
  EXPECT_THAT(block.context, ElementsAre(1.5, 1, 0, 0, 0, 0, 0,  //
                                         0, 0, 6, 1, 0, 0, 4,    //
                                         0, 0, 0, 0, 1, 0, 0,    //
                                         0, 0, 0, 0, 0, 0, 0));
  EXPECT_THAT(block.sets.offset, IsEmpty());
}

class VwBuffers : public LogFiles, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(VwBuffers, ReadsExamplesOfSeveralLines) {
  ReadOptions options;
  options.limits.buffer_bytes = GetParam();
  const LogConfig config = other(file("log.vw", kExamples));
  const LogEncoding encoding = learn_encoding(config, options);
  EXPECT_THAT(encoding.context.names(),
              ElementsAre("user^age", "user^city=Rome", "user^city (unseen)"));
  EXPECT_THAT(encoding.action.names(), ElementsAre("item^price", "item^new"));
  LogReader reader(config, encoding, options);
  const LogBlock block = *reader.next();
  EXPECT_THAT(block.action, ElementsAre(1, 1));
  EXPECT_THAT(block.reward, ElementsAre(1.5, -0.5));
  EXPECT_THAT(block.propensity, ElementsAre(0.25, 0.5));
  EXPECT_THAT(block.context, ElementsAre(3, 1, 0, 0, 0, 0));
  EXPECT_THAT(block.sets.offset, ElementsAre(0, 2, 5));
  EXPECT_THAT(block.sets.id, ElementsAre(0, 1, 0, 1, 2));
  EXPECT_EQ(block.sets.features, 2U);
  EXPECT_THAT(block.sets.feature, ElementsAre(1, 0, 2, 1, 3, 0, 4, 0, 5, 0));
  EXPECT_THAT(block.sets.probability, IsEmpty());
  EXPECT_EQ(reader.actions(), 3);
  EXPECT_EQ(reader.next(), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Sizes, VwBuffers, ::testing::Values(1, 3, 8, 31, 100, 4096));

TEST_F(VwLog, RewardsStayWhereTheSignSaysSo) {
  LogConfig config = other(file("log.vw", kLines));
  config.reward.sign = 1;
  EXPECT_THAT(read_all(config).reward, ElementsAre(2, -0.5, 1, 0));
}

TEST_F(VwLog, ExamplesAreToldByTheirFirstLines) {
  // Without a shared line, the label first: the blank line tells.
  const LogBlock by_blank = read_all(other(file("a.vw", "1:2:0.5 |x a\n\n1:1:0.5 |x b\n")));
  EXPECT_THAT(by_blank.sets.offset, ElementsAre(0, 1, 2));
  // The second line has no label.
  const LogBlock by_label = read_all(other(file("b.vw", "1:2:0.5 |x a\n|x b\n")));
  EXPECT_THAT(by_label.sets.offset, ElementsAre(0, 2));
  const LogBlock lines = read_all(other(file("c.vw", "1:2:0.5 |x a\n1:1:0.5 |x b\n")));
  EXPECT_THAT(lines.sets.offset, IsEmpty());
  EXPECT_EQ(lines.size(), 2U);
}

TEST_F(VwLog, NamesWhatIsWrongByLine) {
  const auto error = [&](const std::string& text) {
    return log_error([&] { read_all(other(file("log.vw", text))); });
  };
  const std::string good = "1:2:0.4 |a\n2:1:0.5 |a\n";
  EXPECT_THAT(error(good + "1:2 |a\n"), HasSubstr("log.vw:3: \"1:2\" is no action:cost:probability;"
                                                  " the probability is missing"));
  EXPECT_THAT(error(good + "1:2:0 |a\n"), HasSubstr("log.vw:3: column \"probability\""));
  EXPECT_THAT(error(good + "0:2:.5 |a\n"), HasSubstr("log.vw:3: the action 0 is not known"));
  EXPECT_THAT(error(good + " |a\n"), HasSubstr("log.vw:3: has no label"));
  EXPECT_THAT(error(good + "1:2:.5 2:3:.5 |a\n"), HasSubstr("log.vw:3: has more than one label"));
  EXPECT_THAT(error(good + "1 2:3:.5 |a\n"), HasSubstr("only the chosen action is listed"));
  EXPECT_THAT(error(good + "1:2:.5:1 |a\n"), HasSubstr("is no action:cost:probability"));
  const std::string set = "shared |a\n0:1:.5 |b\n|b\n\n";
  EXPECT_THAT(error(set + "shared |a\n|b\n0:1:.5 |b\n0:1:.5 |b\n"),
              HasSubstr("log.vw:8: a second action of the example has a label"));
  EXPECT_THAT(error(set + "shared |a\n|b\n"), HasSubstr("log.vw:5: no action of the example has"));
  EXPECT_THAT(error(set + "|b\nshared |a\n"),
              HasSubstr("log.vw:6: a shared line is not the first"));
}

TEST_F(VwLog, AFeatureThatIsNotFiniteIsABadRow) {
  const LogConfig config = other(file("log.vw", "1:2:0.4 |u a:1\n2:1:0.5 |u a:nan\n"));
  EXPECT_THAT(log_error([&] { learn_encoding(config); }),
              HasSubstr("log.vw:2: column \"u^a\": \"nan\" is no finite number"));
}

TEST_F(VwLog, ALineOverTheLimitIsAnError) {
  ReadOptions options;
  options.limits.buffer_bytes = 16;
  options.limits.line_bytes = 100;
  const std::string text = "1:2:0.5 |a " + std::string(200, 'x') + "\n";
  EXPECT_THAT(log_error([&] { read_all(other(file("log.vw", text)), {}, options); }),
              HasSubstr("log.vw:1: a row of more than 100 B"));
  std::string example = "shared |a\n0:1:.5 |a\n";
  for (int i = 0; i < 20; ++i) example += "|item a\n";
  EXPECT_THAT(log_error([&] { read_all(other(file("set.vw", example)), {}, options); }),
              HasSubstr("set.vw:1: an example of more than 100 B"));
}

}  // namespace
}  // namespace loopline::bandit
