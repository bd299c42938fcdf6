#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <sstream>

#include "config/options_fixture.h"

namespace loopline::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Sample round_trip(Sample& s, bool with_comments) {
  const std::string yaml = write_options(description(s), with_comments);
  Sample back;
  back.names.clear();
  read_options(parse_yaml(yaml, "/f.yaml"), description(back));
  return back;
}

TEST(WriteOptions, WritesCommentedYaml) {
  struct {
    double rate = 1e-4;
    std::string kind = "a";
    std::optional<bool> blank;
    void describe(OptionVisitor& v) {
      v.field(option("kind", "Which one.").one_of({"a", "b"}), kind);
      v.section("opt", "How.", [&] {
        v.field(option("rate", "Rate.").above(0), rate);
        v.field(option("blank", "Unset."), blank);
      });
    }
  } options;
  EXPECT_EQ(write_options(description(options)),
            "# Which one.\n"
            "kind: a  # one of a, b\n"
            "\n"
            "# How.\n"
            "opt:\n"
            "  # Rate.\n"
            "  rate: 0.0001  # greater than 0\n"
            "  # Unset.\n"
            "  blank: null\n");
  EXPECT_EQ(write_options(description(options), false),
            "kind: a\nopt:\n  rate: 0.0001\n  blank: null\n");
}

TEST(WriteOptions, WrapsCommentsAtOneHundredColumns) {
  struct {
    std::string text = "x";
    void describe(OptionVisitor& v) {
      std::string help;
      for (int i = 0; i < 60; ++i) help += "word" + std::to_string(i) + " ";
      std::vector<std::string> choices;
      for (int i = 0; i < 40; ++i) choices.push_back("choice" + std::to_string(i));
      choices.push_back("x");
      v.section("s", "S.", [&] { v.field(option("text", help).one_of(choices), text); });
    }
  } options;
  std::istringstream lines(write_options(description(options)));
  std::string all;
  std::size_t longest = 0;
  for (std::string line; std::getline(lines, line);) {
    longest = std::max(longest, line.size());
    if (line.starts_with("  # ")) all += line.substr(4) + " ";
  }
  EXPECT_LE(longest, 100U);
  EXPECT_GT(longest, 85U);
  EXPECT_THAT(all, HasSubstr("word0 word1 "));
  EXPECT_THAT(all, HasSubstr("word58 word59 Allowed: one of choice0,"));
}

TEST(WriteOptions, ReadsBackBitForBit) {
  for (const bool with_comments : {true, false}) {
    Sample s;
    s.flag = false;
    s.count = 10;
    s.cap = 0.1 + 0.2;
    s.kind = "reinforce";
    s.names = {std::string(60, 'x'), std::string(60, 'y'), "*.attn2.*", ""};
    s.steps = {};
    s.weights = {1.0 / 3, 1e300};
    s.maybe_flag = false;
    s.maybe_count = 9'007'199'254'740'993;
    s.maybe_rate = -0.0;
    s.maybe_text = "null";
    const Sample back = round_trip(s, with_comments);
    EXPECT_EQ(back.flag, s.flag);
    EXPECT_EQ(back.count, s.count);
    EXPECT_EQ(back.cap, s.cap);
    EXPECT_EQ(back.kind, s.kind);
    EXPECT_EQ(back.names, s.names);
    EXPECT_EQ(back.steps, s.steps);
    EXPECT_EQ(back.weights, s.weights);
    EXPECT_EQ(back.maybe_flag, s.maybe_flag);
    EXPECT_EQ(back.maybe_count, s.maybe_count);
    EXPECT_TRUE(std::signbit(*back.maybe_rate));
    EXPECT_EQ(back.maybe_text, s.maybe_text);
    EXPECT_TRUE(compare_options(description(s), [&](OptionVisitor& v) {
                  Sample copy = back;
                  copy.describe(v);
                }).empty());
  }
}

TEST(WriteOptions, DoublesRoundTrip) {
  std::uint64_t bits = 0x9E3779B97F4A7C15;
  int tested = 0;
  while (tested < 2000) {
    bits = bits * 6364136223846793005U + 1442695040888963407U;
    const double value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    Sample s;
    s.maybe_rate = value;
    const Sample back = round_trip(s, false);
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back.maybe_rate), bits) << value;
    ++tested;
  }
  Sample s;
  EXPECT_EQ(s.cap, std::numeric_limits<double>::infinity());
  EXPECT_EQ(round_trip(s, false).cap, s.cap);
}

TEST(WriteOptions, WritesDoublesThatYaml11TakesForNumbers) {
  for (const auto& [value, text] : std::vector<std::pair<double, std::string>>{
           {1, "1"}, {0.1, "0.1"}, {3e-4, "0.0003"}, {1e-5, "1.0e-05"}, {-2.5e20, "-2.5e+20"}}) {
    Sample s;
    s.maybe_rate = value;
    EXPECT_THAT(write_options(description(s), false), HasSubstr("maybe_rate: " + text + "\n"));
  }
}

TEST(WriteOptions, StringsRoundTrip) {
  std::string controls;
  for (int c = 0; c < 128; ++c) controls += static_cast<char>(c);
  for (const std::string& text :
       {std::string("true"), std::string("1e5"), std::string("~"), std::string("a: b"),
        std::string("a #b"), std::string("#b"), std::string("- x"), std::string("\"q\" \\ 'p'"),
        std::string("line\nline\n"), std::string(" spaces "), std::string("caf\u00e9 \U0001F600"),
        std::string("&a *b !c %d @e `f` {g} [h], | > ?"), std::string("---"), std::string("No"),
        std::string("\u2028\u0085"), std::string("/a/b.c-d+e"), std::string(""), controls}) {
    Sample s;
    s.text = text;
    s.maybe_text = text;
    s.names = {text, text};
    const Sample back = round_trip(s, true);
    EXPECT_EQ(back.text, text);
    EXPECT_EQ(back.maybe_text, text);
    EXPECT_THAT(back.names, ElementsAre(text, text));
  }
}

TEST(CompareOptions, ListsWhatDiffers) {
  Sample before, after;
  after.rate = 0.2;
  after.deep = 2;
  after.names = {"a"};
  after.maybe_count = 4;
  const auto differences = compare_options(description(before), description(after));
  ASSERT_EQ(differences.size(), 4U);
  EXPECT_EQ(differences[0].path, "optimizer.rate");
  EXPECT_EQ(differences[0].before, "0.1");
  EXPECT_EQ(differences[0].after, "0.2");
  EXPECT_FALSE(differences[0].may_change_on_resume);
  EXPECT_EQ(differences[1].path, "optimizer.inner.deep");
  EXPECT_TRUE(differences[1].may_change_on_resume);
  EXPECT_EQ(differences[2].before, "[a, \"b c\"]");
  EXPECT_EQ(differences[2].after, "[a]");
  EXPECT_EQ(differences[3].before, "null");
  EXPECT_EQ(differences[3].after, "4");
}

TEST(DocumentOptions, MakesOneTableASection) {
  struct {
    double rate = 1e-4;
    std::string file;
    void describe(OptionVisitor& v) {
      v.section("opt", "How.", [&] { v.field(option("rate", "This | that.").above(0), rate); });
      v.field(option("file", "A file.").path().must_be_given(), file);
    }
  } options;
  EXPECT_EQ(document_options(description(options)),
            "| option | type | default | allowed | meaning |\n"
            "| --- | --- | --- | --- | --- |\n"
            "| `file` | text | required |  | A file. |\n"
            "\n"
            "### `opt`\n"
            "\n"
            "How.\n"
            "\n"
            "| option | type | default | allowed | meaning |\n"
            "| --- | --- | --- | --- | --- |\n"
            "| `opt.rate` | a number | `0.0001` | greater than 0 | This \\| that. |\n");
}

TEST(DescribedOptions, OfOneNameBreakAnInvariant) {
  double x = 0;
  const Describe twice = [&](OptionVisitor& v) {
    v.field(option("x", "X."), x);
    v.field(option("x", "X."), x);
  };
  EXPECT_THROW(write_options(twice), std::logic_error);
}

TEST(ResumableOptions, NamesWholeSectionsAndSingleOptions) {
  struct {
    std::int64_t a = 0, b = 0, c = 0, d = 0, e = 0, f = 0;
    void describe(OptionVisitor& v) {
      v.field(option("a", "").changes_on_resume(), a);
      v.field(option("b", ""), b);
      v.section("all", "", [&] {
        v.field(option("c", "").changes_on_resume(), c);
        v.field(option("d", "").changes_on_resume(), d);
      });
      v.section("some", "", [&] {
        v.field(option("e", "").changes_on_resume(), e);
        v.field(option("f", ""), f);
      });
    }
  } options;
  EXPECT_THAT(resumable_options(description(options)), testing::ElementsAre("a", "all", "some.e"));
}

}  // namespace
}  // namespace loopline::config
