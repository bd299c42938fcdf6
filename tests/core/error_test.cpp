#include "loopline/core/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loopline {
namespace {

TEST(Error, IsOneLineOfWhereWhatAndTodo) {
  EXPECT_STREQ(Error("a.yaml:3", "unknown key 'x'", "did you mean 'y'?").what(),
               "a.yaml:3: unknown key 'x'; did you mean 'y'?");
  EXPECT_STREQ(Error("", "what").what(), "what");
  EXPECT_STREQ(Error("where", "two\nlines\r\nhere").what(), "where: two lines  here");
}

TEST(Error, QuotesNothingThatATerminalObeys) {
  EXPECT_STREQ(Error("a\x1B[2J", std::string("b\0c", 3), "d\x7F\xC2\x9B").what(),
               "a [2J: b c; d   ");
  EXPECT_STREQ(Error("", "\xC3\xA9 \xC2\xA0").what(), "\xC3\xA9 \xC2\xA0");  // letters stay
}

TEST(Error, CutsPagesOfText) {
  const std::string whole(1000, 'x');
  EXPECT_EQ(Error("", whole).what(), whole);
  EXPECT_EQ(Error("", whole + "y").what(), whole + "...");
  EXPECT_EQ(Error("", std::string(999, 'x') + "\xC3\xA9").what(), std::string(999, 'x') + "...");
}

TEST(Error, CarriesTheExitCode) {
  EXPECT_EQ(Error("", "x").exit_code(), ExitCode::kWrongUse);
  EXPECT_EQ(failure("", "x").exit_code(), ExitCode::kFailure);
}

TEST(Check, FailureIsALogicErrorWithPlaceConditionAndMessage) {
  const int line = __LINE__ + 2;
  try {
    LOOPLINE_CHECK(1 + 1 == 3, "sums of " + std::to_string(2));
    FAIL() << "no exception";
  } catch (const std::logic_error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("error_test.cpp:" + std::to_string(line) + ":"));
    EXPECT_THAT(error.what(), testing::HasSubstr("1 + 1 == 3: sums of 2"));
  }
}

TEST(Check, MessageIsNotBuiltWhileTheConditionHolds) {
  bool built = false;
  const auto message = [&] {
    built = true;
    return std::string("x");
  };
  LOOPLINE_CHECK(true, message());
  EXPECT_FALSE(built);
}

}  // namespace
}  // namespace loopline
