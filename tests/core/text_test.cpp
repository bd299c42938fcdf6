#include "loopline/core/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace loopline {
namespace {

/// The definition, by recursion.
bool matches_by_definition(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) {
    return text.empty();
  }
  if (pattern[0] == '*') {
    return matches_by_definition(pattern.substr(1), text) ||
           (!text.empty() && matches_by_definition(pattern, text.substr(1)));
  }
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0]) &&
         matches_by_definition(pattern.substr(1), text.substr(1));
}

/// All strings over `letters` up to `length`.
std::vector<std::string> all_strings(const std::string& letters, std::size_t length) {
  std::vector<std::string> all = {""};
  for (std::size_t i = 0; i < all.size() && all[i].size() < length; ++i) {
    for (const char letter : letters) {
      all.push_back(all[i] + letter);
    }
  }
  return all;
}

TEST(MatchesPattern, AgreesWithItsDefinitionOnAllShortStrings) {
  for (const std::string& pattern : all_strings("ab*?", 5)) {
    for (const std::string& text : all_strings("ab", 5)) {
      ASSERT_EQ(matches_pattern(pattern, text), matches_by_definition(pattern, text))
          << pattern << " on " << text;
    }
  }
}

TEST(MatchesPattern, MatchesParameterNames) {
  EXPECT_TRUE(matches_pattern("*.attn2.to_?.weight", "down_blocks.1.attn2.to_q.weight"));
  EXPECT_FALSE(matches_pattern("*.attn2.to_?.weight", "down_blocks.1.attn1.to_q.weight"));
  EXPECT_FALSE(matches_pattern("attn2", "x.attn2"));
}

TEST(NearestName, FindsMisspelledNames) {
  const std::vector<std::string> names = {"iterations", "group_size", "learning_rate", "lr"};
  EXPECT_EQ(nearest_name("iteration", names), "iterations");
  EXPECT_EQ(nearest_name("gropu_size", names), "group_size");
  EXPECT_EQ(nearest_name("Learning_Rate", names), "learning_rate");
  EXPECT_EQ(nearest_name("rl", names), "lr");
}

TEST(NearestName, IsEmptyWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("optimizer", {"iterations", "lr"}), "");
  EXPECT_EQ(nearest_name("x", {"k", "y"}), "");
  EXPECT_EQ(nearest_name("lr", {}), "");
  EXPECT_EQ(nearest_name("abcdef", {"abcxyz"}), "abcxyz");  // distance 3 = 1 + 6 / 3
  EXPECT_EQ(nearest_name("abcde", {"abxyz"}), "");          // distance 3 > 1 + 5 / 3
}

TEST(NearestName, TakesTheFirstOfEquals) {
  EXPECT_EQ(nearest_name("cat", {"cut", "cot"}), "cut");
  EXPECT_EQ(nearest_name("cat", {"cart", "ca", "cat"}), "cat");
}

/// The table of distances between two names of 30 MB each once took more than the memory.
TEST(NearestName, GivesUpOnHugeNames) {
  const std::string name(30'000'000, 'a');
  EXPECT_EQ(nearest_name(name + "b", {name}), "");
  EXPECT_EQ(nearest_name("iteration", {name, "iterations"}), "iterations");
}

TEST(Join, SeparatesParts) {
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join({"a"}), "a");
  EXPECT_EQ(join({"a", "", "c"}), "a, , c");
  EXPECT_EQ(join({"a", "b"}, "|"), "a|b");
}

TEST(HumanBytes, UsesBinaryUnits) {
  EXPECT_EQ(human_bytes(312), "312 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1024), "1.0 KiB");
  EXPECT_EQ(human_bytes(1.5 * 1024 * 1024 * 1024), "1.5 GiB");
  EXPECT_EQ(human_bytes(1024.0 * 1024 - 1), "1.0 MiB");
}

TEST(HumanDuration, RoundsToTwoUnits) {
  EXPECT_EQ(human_duration(0.4), "0 s");
  EXPECT_EQ(human_duration(12), "12 s");
  EXPECT_EQ(human_duration(59.6), "1 min 00 s");
  EXPECT_EQ(human_duration(200), "3 min 20 s");
  EXPECT_EQ(human_duration(3599.7), "1 h 00 min");
  EXPECT_EQ(human_duration(3725), "1 h 02 min");
  EXPECT_EQ(human_duration(360000), "100 h 00 min");
  EXPECT_EQ(human_duration(-1), "?");
  EXPECT_EQ(human_duration(std::numeric_limits<double>::quiet_NaN()), "?");
  EXPECT_EQ(human_duration(std::numeric_limits<double>::infinity()), "?");
}

TEST(Trimmed, DropsWhiteSpaceAtBothEndsOnly) {
  EXPECT_EQ(trimmed(" \t a  b\r\n"), "a  b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \v\f "), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace loopline
