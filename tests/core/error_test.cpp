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
