#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bandit/log_fixture.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using DsjsonLog = LogFiles;

constexpr const char* kFirst =
    R"({"_label_cost":-1,"_label_probability":0.8,"_label_Action":2,"_labelIndex":1,)"
    R"("Version":"1","EventId":"x","a":[2,1,3],"c":{"User":{"age":30,"city":"Rome","on":true,)"
    R"("off":false,"v":[1.5,2]},"_ignored":{"x":1},"_multi":[{"Item":{"price":1}},)"
    R"({"Item":{"price":2,"kind":"new"}},{"_text":"red red hat"}]},"p":[0.8,0.15,0.05],)"
    R"("VWState":{"m":"n/a"}})";
constexpr const char* kSecond =
    R"({"_label_cost":0.5,"_label_probability":0.25,"_labelIndex":0,"pdrop":0.5,"a":[2,1],)"
    R"("c":{"User":{"city":"Oslo"},"_multi":[{"Item":{"price":3}},{}]},"p":[0.75,0.25]})";
constexpr const char* kNotLearned =
    R"({"_label_cost":0,"_label_probability":0.5,"_labelIndex":0,"_skipLearn":true,)"
    R"("c":{"User":{"skipped":1},"_multi":[{}]},"a":[1],"p":[1]})";

TEST_F(DsjsonLog, ReadsDecisionsWithTheirActions) {
  const std::string text = std::string(kFirst) + "\r\n\n" + kNotLearned + "\n" + kSecond;
  const LogConfig config = other(file("log.dsjson", text));
  const LogEncoding encoding = learn_encoding(config);
  EXPECT_THAT(encoding.context.names(),
              ElementsAre("User^age", "User^city=Rome", "User^city=Oslo", "User^city (unseen)",
                          "User^on", "User^v^0", "User^v^1"));
  EXPECT_THAT(encoding.action.names(),
              ElementsAre("Item^price", "Item^kind=new", "Item^kind (unseen)", "_text=red",
                          "_text=hat", "_text (unseen)"));
  const LogBlock block = read_all(config, encoding);
  EXPECT_THAT(block.action, ElementsAre(1, 0));
  EXPECT_THAT(block.reward, ElementsAre(1, -0.5));
  EXPECT_THAT(block.propensity, ElementsAre(0.8, 0.25));
  EXPECT_THAT(block.multiplicity, ElementsAre(1, 2));
  EXPECT_THAT(block.context, ElementsAre(30, 1, 0, 0, 1, 1.5, 2, 0, 0, 1, 0, 0, 0, 0));
  EXPECT_THAT(block.sets.offset, ElementsAre(0, 3, 5));
  EXPECT_THAT(block.sets.id, ElementsAre(0, 1, 2, 0, 1));
  EXPECT_THAT(block.sets.probability, ElementsAre(0.15, 0.8, 0.05, 0.25, 0.75));
  EXPECT_THAT(block.sets.feature, ElementsAre(1, 0, 0, 0, 0, 0,  //
                                              2, 1, 0, 0, 0, 0,  //
                                              0, 0, 0, 1, 1, 0,  //
                                              3, 0, 0, 0, 0, 0,  //
                                              0, 0, 0, 0, 0, 0));
}

TEST_F(DsjsonLog, BadRowsAreNamedAndMayBeSkipped) {
  const auto error = [&](const std::string& line) {
    LogConfig config = other(file("log.dsjson", std::string(kFirst) + "\n" + line + "\n"));
    const std::string stopped = log_error([&] { read_all(config); });
    config.bad_rows = "skip";
    LogReader reader(config);
    EXPECT_EQ(blocks_of(reader).size(), 1U);
    EXPECT_EQ(reader.skipped(), 1) << line;
    return stopped;
  };
  const auto without = [](const std::string& part, const std::string& instead = "") {
    std::string line = kFirst;
    return line.replace(line.find(part), part.size(), instead);
  };
  EXPECT_THAT(error("{\"a\":"), HasSubstr("log.dsjson:2: not valid JSON"));
  EXPECT_THAT(error("[]"), HasSubstr("log.dsjson:2: is no JSON object"));
  EXPECT_THAT(error(without("\"_label_cost\":-1,")),
              HasSubstr("log.dsjson:2: column \"_label_cost\": is missing"));
  EXPECT_THAT(error(without("\"_label_probability\":0.8,")),
              HasSubstr("column \"_label_probability\": is missing"));
  EXPECT_THAT(error(without("\"_label_probability\":0.8", "\"_label_probability\":\"0.8\"")),
              HasSubstr("column \"_label_probability\": is no number"));
  EXPECT_THAT(error(without("\"_label_probability\":0.8", "\"_label_probability\":0")),
              HasSubstr("a propensity of 0.0 is not in (0, 1]"));
  EXPECT_THAT(error(without("\"_labelIndex\":1", "\"_labelIndex\":3")),
              HasSubstr("the action 3 is not known: _multi has 3"));
  EXPECT_THAT(error(without("\"_labelIndex\":1", "\"_labelIndex\":0")),
              HasSubstr("\"_label_Action\": is not one more than _labelIndex"));
  EXPECT_THAT(error(without("[2,1,3]", "[2,1,2]")), HasSubstr("names an action twice"));
  EXPECT_THAT(error(without("[2,1,3]", "[2,1,4]")), HasSubstr("that _multi does not have"));
  EXPECT_THAT(error(without("[2,1,3]", "[2,1]")), HasSubstr("is no list as long as a"));
  EXPECT_THAT(error(without("\"p\":[0.8,0.15,0.05],")), HasSubstr("is given in some rows only"));
  EXPECT_THAT(error(without("\"_ignored\"", "\"_slots\"")), HasSubstr("has several slots"));
}

TEST_F(DsjsonLog, ActionsByNumberAloneAreTaken) {
  std::string line = kFirst;
  line.replace(line.find("\"_labelIndex\":1,"), 16, "");
  EXPECT_THAT(read_all(other(file("log.jsonl", line))).action, ElementsAre(1));
}

}  // namespace
}  // namespace loopline::bandit
