#include "loopline/config/read_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/options_fixture.h"
#include "loopline/core/error.h"

namespace loopline::config {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

template <class Options = Sample>
Options read(const std::string& yaml) {
  Options options;
  read_options(parse_yaml(yaml, "f.yaml"), description(options));
  return options;
}

template <class Options = Sample>
std::string error_of(const std::string& yaml) {
  try {
    read<Options>(yaml);
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), ExitCode::kWrongUse);
    return e.what();
  }
  return "no error";
}

TEST(ReadOptions, ReadsEveryType) {
  const Sample s = read(
      "flag: false\ncount: 7\noptimizer: {rate: 3e-4, cap: .inf, inner: {deep: -2}}\nkind: loop\n"
      "text: 12\nnames: [x, \"y z\"]\nsteps: [0, 5]\nweights: [1, 0.25]\nmaybe_flag: "
      "true\nmaybe_count: 9\n"
      "maybe_rate: 1\nmaybe_text: null\n");
  EXPECT_FALSE(s.flag);
  EXPECT_EQ(s.count, 7);
  EXPECT_EQ(s.rate, 3e-4);
  EXPECT_EQ(s.deep, -2.0);
  EXPECT_EQ(s.kind, "loop");
  EXPECT_EQ(s.text, "12");
  EXPECT_THAT(s.names, ElementsAre("x", "y z"));
  EXPECT_THAT(s.steps, ElementsAre(0, 5));
  EXPECT_THAT(s.weights, ElementsAre(1, 0.25));
  EXPECT_EQ(s.maybe_flag, true);
  EXPECT_EQ(s.maybe_count, 9);
  EXPECT_EQ(s.maybe_rate, 1.0);
  EXPECT_EQ(s.maybe_text, std::nullopt);
}

TEST(ReadOptions, KeepsDefaultsOfWhatIsAbsent) {
  for (const char* yaml : {"", "optimizer:\n", "optimizer: {inner:}\n"}) {
    const Sample s = read(yaml);
    EXPECT_EQ(s.count, 3) << yaml;
    EXPECT_EQ(s.rate, 0.1) << yaml;
    EXPECT_THAT(s.names, ElementsAre("a", "b c")) << yaml;
  }
}

TEST(ReadOptions, NullClearsABlank) {
  Sample s;
  s.maybe_rate = 4;
  s.maybe_count = 4;
  read_options(parse_yaml("maybe_rate: null\n", "f.yaml"), description(s));
  EXPECT_EQ(s.maybe_rate, std::nullopt);
  EXPECT_EQ(s.maybe_count, 4);
}

TEST(ReadOptions, ResolvesPathsAgainstTheFileThatStatesThem) {
  Sample s;
  ConfigTree tree = parse_yaml("file: ../models/emoji/\n", "/somewhere/configs/f.yaml");
  read_options(tree, description(s));
  EXPECT_EQ(s.file, "/somewhere/models/emoji");
  apply_set(tree, "file=here.txt");
  read_options(tree, description(s));
  EXPECT_EQ(s.file, (fs::current_path() / "here.txt").string());
  EXPECT_EQ(read("file: ''\n").file, "");
  EXPECT_EQ(read("file: /a/b\n").file, "/a/b");
  EXPECT_THAT(error_of<Sample>("file: " + std::string(4097, 'a')), HasSubstr("longer than 4096"));
  EXPECT_THAT(error_of<Sample>("file: \"a\\0b\""), HasSubstr("file holds a zero byte"));
}

TEST(ReadOptions, TakesASingleValueForAListOfOne) {
  EXPECT_EQ(read("names: a b\n").names, std::vector<std::string>{"a b"});
  EXPECT_EQ(read("steps: 7\n").steps, std::vector<std::int64_t>{7});
}

TEST(ReadOptions, ResolvesEachTextOfAListAsItsOptionSays) {
  std::vector<std::string> terms;
  const auto describe = [&](OptionVisitor& v) {
    v.field(option("terms", "Words.").resolved_by([](const auto& text, const auto& directory) {
      return text + " in " + directory.string();
    }),
            terms);
  };
  read_options(parse_yaml("terms: [a, b]\n", "/somewhere/f.yaml"), describe);
  EXPECT_EQ(terms, (std::vector<std::string>{"a in /somewhere", "b in /somewhere"}));
}

TEST(ReadOptions, RefusesWithPlacePathAndWhatIsLegal) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"flag: true\ncuont: 3\n", "f.yaml:2: unknown option 'cuont'; did you mean 'count'?"},
      {"optimizer:\n  rat: 3\n",
       "f.yaml:2: unknown option 'optimizer.rat'; did you mean 'optimizer.rate'?"},
      {"rate: 3\n", "did you mean 'optimizer.rate'?"},
      {"optimizer:\n  zzzzzzzz: 3\n", "known here: rate, cap, inner"},
      {"flag: yes\n", "f.yaml:1: flag: expected true or false, found 'yes'"},
      {"flag: \"true\"\n", "flag: expected true or false, found the text"},
      {"flag: 1\n", "expected true or false, found '1'"},
      {"count: abc\n", "count: expected a whole number from 1 to 10, found 'abc'"},
      {"count: 3.0\n", "expected a whole number"},
      {"count: 1e1\n", "expected a whole number"},
      {"count: 1_0\n", "expected a whole number"},
      {"count: 010\n", "expected a whole number"},
      {"count: 0x7\n", "expected a whole number"},
      {"count: +-7\n", "expected a whole number"},
      {"count: \"3\"\n", "found the text '3'"},
      {"count:\n", "found nothing"},
      {"count: [3]\n", "found a list"},
      {"count: {a: 3}\n", "found a section"},
      {"count: 11\n", "f.yaml:1: count is 11, and must be from 1 to 10"},
      {"count: 0\n", "count is 0, and must be from 1 to 10"},
      {"count: 99999999999999999999\n", "does not fit in 64 bits"},
      {"optimizer: {rate: 0}\n", "optimizer.rate is 0, and must be greater than 0"},
      {"optimizer: {rate: fast}\n", "expected a number greater than 0, found 'fast'"},
      {"optimizer: {rate: 1_000}\n", "expected a number"},
      {"optimizer: {rate: 1e}\n", "expected a number"},
      {"optimizer: {rate: 0x10}\n", "expected a number"},
      {"optimizer: {rate: nan}\n", "expected a number"},
      {"optimizer: {rate: .nan}\n", "expected a number"},
      {"optimizer: {rate: infinity}\n", "expected a number"},
      {"optimizer: {rate: .inf}\n", "optimizer.rate is .inf, and must be a finite number"},
      {"optimizer: {rate: 1e400}\n", "which no 64-bit number can hold"},
      {"optimizer: {cap: -.inf}\n", "must be at least 0"},
      {"optimizer: 3\n", "f.yaml:1: optimizer must be a section of options, found '3'"},
      {"optimizer: [1]\n", "optimizer must be a section of options, found a list"},
      {"- 1\n", "must be a section of options, found a list"},
      {"kind: lop\n",
       "kind is 'lop', and must be one of reinforce, ppo, loop; did you mean 'loop'?"},
      {"text: [a]\n", "text: expected text, found a list"},
      {"text: null\n", "text: expected text, found nothing"},
      {"names: {a: b}\n", "names: expected a list of texts, found a section"},
      {"names:\n", "names: expected a list of texts, found nothing"},
      {"steps: x\n", "steps: expected a whole number"},
      {"names: [a, [b]]\n", "names[1]: expected text, found a list"},
      {"weights: x\n", "weights: expected a number at least 0"},
      {"weights: {}\n", "weights: expected a list of numbers at least 0"},
      {"steps: [1, x]\n", "steps[1]: expected a whole number"},
      {"steps: [1, -1]\n", "steps[1] is -1, and must be at least 0"},
      {"maybe_count: 0\n", "maybe_count is 0, and must be at least 1"},
      {"maybe_flag: maybe\n", "expected true or false"},
  };
  for (const auto& [yaml, message] : cases) {
    EXPECT_THAT(error_of(yaml), HasSubstr(message)) << yaml;
  }
}

struct Needy {
  std::string bundle;
  double rate = 1;
  void describe(OptionVisitor& v) {
    v.section("model", "The model.", [&] {
      v.field(option("bundle", "Directory of the bundle.").must_be_given(), bundle);
      v.field(option("rate", "A rate."), rate);
    });
  }
};

TEST(ReadOptions, RequiredOptionsMustBeThere) {
  EXPECT_EQ(read<Needy>("model: {bundle: x}\n").bundle, "x");
  EXPECT_EQ(error_of<Needy>("\n\nmodel:\n  rate: 1\n"),
            "f.yaml:3: model.bundle is missing; Directory of the bundle.");
  EXPECT_THAT(error_of<Needy>(""), HasSubstr("f.yaml:1: model.bundle is missing"));
  EXPECT_THAT(error_of<Needy>("model: {bundel: x}\n"), HasSubstr("did you mean 'model.bundle'?"))
      << "a misspelt required option is called misspelt, not missing";
}

TEST(ReadOptions, NamesTheSetFlagOfAWrongValue) {
  ConfigTree tree = parse_yaml("count: 3\n", "f.yaml");
  apply_set(tree, "optimizer.rate=-1");
  Sample s;
  try {
    read_options(tree, description(s));
    FAIL();
  } catch (const Error& e) {
    EXPECT_STREQ(e.what(),
                 "--set optimizer.rate=-1: optimizer.rate is -1, and must be greater than 0");
  }
}

}  // namespace
}  // namespace loopline::config
