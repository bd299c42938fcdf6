#include "loopline/bandit/feature_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bandit/log_fixture.h"
#include "loopline/io/json.h"

namespace loopline::bandit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Encoding = LogFiles;

LogEncoding sample() {
  return {FeatureEncoding({{"age", false, {}}, {"city", true, {"Rome", "", "a \"b\"\n"}}}),
          FeatureEncoding({{"age", false, {}}, {"age", true, {"old"}}})};
}

TEST_F(Encoding, PlacesNumbersAndCategories) {
  const FeatureEncoding encoding = sample().context;
  EXPECT_EQ(encoding.width(), 5U);
  EXPECT_EQ(encoding.first(1), 1U);
  EXPECT_EQ(encoding.place(1, "Rome"), 1U);
  EXPECT_EQ(encoding.place(1, ""), 2U);
  EXPECT_EQ(encoding.place(1, "Oslo"), 4U);
  EXPECT_EQ(encoding.find("city", true), 1U);
  EXPECT_EQ(encoding.find("city", false), std::nullopt);
  EXPECT_THAT(encoding.names(),
              ElementsAre("age", "city=Rome", "city=", "city=a \"b\"\n", "city (unseen)"));
}

TEST_F(Encoding, ComesBackFromJson) {
  const std::string text = sample().to_json().dump();
  const LogEncoding again = LogEncoding::from_json(io::parse_json(text, "f"), "f");
  EXPECT_EQ(again, sample());
  EXPECT_EQ(again.context.place(1, "Rome"), 1U);
  EXPECT_EQ(again.action.place(1, "new"), 2U);
  EXPECT_EQ(again.to_json().dump(), text);
  EXPECT_EQ(LogEncoding::from_json(LogEncoding().to_json(), "f"), LogEncoding());
}

TEST_F(Encoding, RefusesJsonThatIsNone) {
  const auto error = [](const std::string& context) {
    const std::string text = R"({"action": [], "context": )" + context + "}";
    return log_error([&] { LogEncoding::from_json(io::parse_json(text, "f"), "f"); });
  };
  EXPECT_EQ(error("[]"), "no error");
  EXPECT_THAT(error("{}"), HasSubstr("f: an encoding is no list"));
  EXPECT_THAT(error("[1]"), HasSubstr("f: an encoding is no JSON object"));
  EXPECT_THAT(error(R"([{"name": "a"}])"), HasSubstr("lacks kind"));
  EXPECT_THAT(error(R"([{"name": "a", "kind": "x"}])"), HasSubstr("neither numeric nor"));
  EXPECT_THAT(error(R"([{"name": "a", "kind": "numeric", "more": 1}])"), HasSubstr("unknown"));
  EXPECT_THAT(error(R"([{"name": "a", "kind": "categorical", "categories": [1]}])"),
              HasSubstr("a category of an encoding is no text"));
  EXPECT_THAT(error(R"([{"name": "a", "kind": "categorical", "categories": ["b", "b"]}])"),
              HasSubstr("has \"b\" twice"));
  EXPECT_THAT(error(R"([{"name": "a", "kind": "numeric"}, {"name": "a", "kind": "numeric"}])"),
              HasSubstr("\"a\" is there twice"));
}

constexpr const char* kHeader = "action,reward,propensity,u_age,u_city,u_code,other\n";

TEST_F(Encoding, IsLearnedInTheOrderOfTheLog) {
  LogConfig config =
      csv(file("log.csv", std::string(kHeader) + "0,1,.5,20,Rome,1,x\n0,1,.5,30.5,Oslo,2,x\n"
                                                 "0,1,.5,20,7,1,x\n"));
  config.context = {"u_city", "u_*"};
  config.categorical = {"*_code"};
  const LogEncoding encoding = learn_encoding(config);
  EXPECT_THAT(encoding.context.names(),
              ElementsAre("u_city=Rome", "u_city=Oslo", "u_city=7", "u_city (unseen)", "u_age",
                          "u_code=1", "u_code=2", "u_code (unseen)"));
  // A log of another day, with values that were not there.
  config.files = {file("new.csv", std::string(kHeader) + "0,1,.5,-1e3,Bonn,2,x\n0,1,.5,0,7,9,x\n")};
  EXPECT_THAT(read_all(config, encoding).context, ElementsAre(0, 0, 0, 1, -1000, 0, 1, 0,  //
                                                              0, 0, 1, 0, 0, 0, 0, 1));
  config.files = {file("less.csv", "action,reward,propensity,u_city,u_code\n0,1,.5,Rome,1\n")};
  EXPECT_THAT(log_error([&] { LogReader reader(config, encoding); }),
              HasSubstr("less.csv:1: no column is called \"u_age\", which the encoding has"));
}

TEST_F(Encoding, EmptyFieldsDoNotSayWhatAColumnIs) {
  LogConfig config =
      csv(file("log.csv", std::string(kHeader) + "0,1,.5,,,1,x\n0,1,.5,30,Rome,2,x\n"));
  config.context = {"u_age", "u_city"};
  const LogEncoding encoding = learn_encoding(config);
  EXPECT_THAT(encoding.context.names(),
              ElementsAre("u_age", "u_city=", "u_city=Rome", "u_city (unseen)"));
  EXPECT_THAT(log_error([&] { read_all(config, encoding); }),
              HasSubstr("log.csv:2: column \"u_age\": is empty"));
}

TEST_F(Encoding, ATextAfterAThousandNumbersIsABadRow) {
  std::string text = kHeader;
  for (int i = 0; i < 1000; ++i) text += "0,1,.5," + std::to_string(i) + ",Rome,1,x\n";
  LogConfig config = csv(file("log.csv", text + "0,1,.5,n/a,Rome,1,x\n"));
  config.context = {"u_age"};
  EXPECT_THAT(log_error([&] { learn_encoding(config); }),
              HasSubstr("log.csv:1002: column \"u_age\": \"n/a\" is no number"));
  config.bad_rows = "skip";
  EXPECT_THAT(learn_encoding(config).context.names(), ElementsAre("u_age"));
}

TEST_F(Encoding, NamesWhatCannotBeLearned) {
  const auto error = [&](std::vector<std::string> context, std::vector<std::string> categorical,
                         const std::string& city) {
    LogConfig config = csv(file("log.csv", std::string(kHeader) + "0,1,.5,2," + city + ",1,x\n"));
    config.context = std::move(context);
    config.categorical = std::move(categorical);
    return log_error([&] { learn_encoding(config); });
  };
  EXPECT_THAT(error({"u_cty"}, {}, "Rome"), HasSubstr("did you mean \"u_city\"?"));
  EXPECT_THAT(error({"u_age"}, {"u_city"}, "Rome"), HasSubstr("categorical: no context column"));
  EXPECT_THAT(error({"u_city"}, {}, "R\xC3"), HasSubstr("\"u_city\": the text is not valid UTF-8"));
  EXPECT_THAT(error({"u_city"}, {}, std::string(1001, 'x')), HasSubstr("1000 bytes"));
}

// A pattern took a column whose name was no UTF-8, and writing the encoding threw.
TEST_F(Encoding, RefusesNamesThatJsonCannotHold) {
  LogConfig config = csv(file("log.csv", "action,reward,propensity,u_\xFF\n0,1,.5,2\n"));
  config.context = {"u_*"};
  EXPECT_THAT(log_error([&] { learn_encoding(config); }),
              HasSubstr("log.csv:1: the name of column 4 is not valid UTF-8"));
}

TEST_F(Encoding, RefusesANameOfEachRow) {
  std::string text = kHeader;
  for (int i = 0; i < 17000; ++i) text += "0,1,.5,1,u" + std::to_string(i) + ",1,x\n";
  LogConfig config = csv(file("log.csv", text));
  config.context = {"u_city"};
  EXPECT_THAT(log_error([&] { learn_encoding(config); }),
              HasSubstr("more than 16384 features; is \"u_city\" a name of each row?"));
}

}  // namespace
}  // namespace loopline::bandit
