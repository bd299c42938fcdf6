#include "loopline/config/config_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "loopline/core/error.h"

namespace loopline::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

std::string parse_error(const std::string& yaml) {
  return error_of([&] { parse_yaml(yaml, "f.yaml"); });
}

class LoadConfig : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(directory_); }

  fs::path write(const std::string& name, const std::string& text) {
    const fs::path path = directory_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path;
  }

  const fs::path directory_ =
      fs::path(testing::TempDir()) / ("loopline_config_" + std::to_string(::getpid()));
};

TEST(ParseYaml, KeepsOrderPlacesAndQuotes) {
  const ConfigTree tree = parse_yaml("z: 1\na:\n  list: [x, \"2\"]\nempty:\n", "dir/f.yaml");
  ASSERT_EQ(tree.kind, ConfigTree::Kind::kMap);
  ASSERT_EQ(tree.map.size(), 3U);
  EXPECT_EQ(tree.map[0].first, "z");
  EXPECT_EQ(tree.map[0].second.scalar, "1");
  EXPECT_FALSE(tree.map[0].second.quoted);
  EXPECT_EQ(tree.map[1].second.place, "dir/f.yaml:2");
  const ConfigTree* list = tree.find("a")->find("list");
  ASSERT_EQ(list->list.size(), 2U);
  EXPECT_EQ(list->place, "dir/f.yaml:3");
  EXPECT_TRUE(list->list[1].quoted);
  EXPECT_EQ(list->list[1].directory, fs::absolute("dir"));
  EXPECT_EQ(tree.find("empty")->kind, ConfigTree::Kind::kNull);
  EXPECT_EQ(tree.find("empty")->place, "dir/f.yaml:4");
  EXPECT_EQ(tree.find("absent"), nullptr);
}

TEST(ParseYaml, EmptyTextIsNull) {
  EXPECT_EQ(parse_yaml("", "f.yaml").kind, ConfigTree::Kind::kNull);
  EXPECT_EQ(parse_yaml("# only a comment\n", "f.yaml").kind, ConfigTree::Kind::kNull);
}

TEST(ParseYaml, ExpandsAliases) {
  const ConfigTree tree = parse_yaml("a: &x {n: 1}\nb: *x\n", "f.yaml");
  EXPECT_EQ(tree.find("b")->find("n")->scalar, "1");
  EXPECT_EQ(tree.find("b")->place, "f.yaml:2");
}

TEST(ParseYaml, RefusesWhatTheYamlLibraryLetsPass) {
  EXPECT_THAT(parse_error("a: 1\nb: 2\na: 3\n"),
              HasSubstr("f.yaml:3: the key 'a' is given twice; the first is at f.yaml:1"));
  EXPECT_THAT(parse_error("s:\n  a: 1\n  a: 1\n"),
              HasSubstr("f.yaml:3: the key 'a' is given twice"));
  EXPECT_THAT(parse_error("a: &x [*x]\n"), HasSubstr("f.yaml:1: an alias refers to a value"));
  EXPECT_THAT(parse_error("a: 1\n---\nb: 2\n"), HasSubstr("a second YAML document"));
  EXPECT_THAT(parse_error("a: !!int 3\n"), HasSubstr("tag"));
  EXPECT_THAT(parse_error("[1, 2]: 3\n"), HasSubstr("a key must be plain text"));
  EXPECT_THAT(parse_error("~: 3\n"), HasSubstr("a key must be plain text"));
}

TEST(ParseYaml, RefusesBrokenSyntaxWithItsLine) {
  EXPECT_THAT(parse_error("a: 1\nb: [1, 2\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(parse_error("ok: 1\na: b: c\n"), HasSubstr("f.yaml:2: not valid YAML"));
  EXPECT_THAT(parse_error("a: *nobody\n"), HasSubstr("f.yaml:1: not valid YAML"));
}

TEST(ParseYaml, BoundsDepthAndSize) {
  const auto nested = [](int n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_EQ(parse_yaml(nested(64), "f.yaml").kind, ConfigTree::Kind::kList);
  EXPECT_THAT(parse_error(nested(65)), HasSubstr("64 levels"));
  EXPECT_THAT(parse_error(nested(100'000)), HasSubstr("64 levels"));
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    std::ostringstream line;
    line << "a" << i << ": &a" << i << " [";
    for (int k = 0; k < 10; ++k) line << "*a" << i - 1 << (k < 9 ? ", " : "]\n");
    laughs += line.str();
  }
  EXPECT_THAT(parse_error(laughs), HasSubstr("more than 100000 values"));
  EXPECT_THAT(parse_error(std::string((1 << 20) + 1, '#')), HasSubstr("1 MiB"));
  std::string copies;  // each anchor keeps what is below it
  for (int i = 0; i < 60; ++i) copies += std::string(i, ' ') + "k: &a" + std::to_string(i) + "\n";
  copies += std::string(60, ' ') + "- x\n";
  for (int i = 0; i < 3000; ++i) copies += std::string(60, ' ') + "- x\n";
  EXPECT_THAT(parse_error(copies), HasSubstr("more than 100000 values"));
}

TEST(Merge, MergesMapsAndReplacesEverythingElse) {
  const ConfigTree under =
      parse_yaml("a: 1\ns: {x: 1, y: [1, 2], z: {p: 1}}\nt: {q: 1}\n", "u.yaml");
  const ConfigTree over = parse_yaml("s: {y: [3], z: {r: 2}, n: 5}\nt: 7\n", "o.yaml");
  const ConfigTree merged = merge(under, over);
  EXPECT_EQ(merged.find("a")->scalar, "1");
  const ConfigTree& s = *merged.find("s");
  EXPECT_EQ(s.find("x")->scalar, "1");
  ASSERT_EQ(s.find("y")->list.size(), 1U);
  EXPECT_EQ(s.find("y")->list[0].scalar, "3");
  EXPECT_EQ(s.find("z")->find("p")->scalar, "1");
  EXPECT_EQ(s.find("z")->find("r")->scalar, "2");
  EXPECT_EQ(s.find("n")->place, "o.yaml:1");
  EXPECT_EQ(s.find("x")->place, "u.yaml:2");
  EXPECT_EQ(merged.find("t")->kind, ConfigTree::Kind::kScalar);
}

TEST_F(LoadConfig, LaysAFileOverItsBases) {
  write("deep/base.yaml", "a: base\nb: base\nc: base\n");
  write("middle.yaml", "base: deep/base.yaml\nb: middle\nc: middle\n");
  const ConfigTree tree = load_config(write("top.yaml", "c: top\nbase: middle.yaml\n"));
  EXPECT_EQ(tree.map.size(), 3U);
  EXPECT_EQ(tree.find("a")->scalar, "base");
  EXPECT_EQ(tree.find("b")->scalar, "middle");
  EXPECT_EQ(tree.find("c")->scalar, "top");
  EXPECT_EQ(tree.find("a")->directory.filename(), "deep");
  EXPECT_EQ(tree.find("base"), nullptr);
}

TEST_F(LoadConfig, RefusesCyclesAndMissingFiles) {
  write("one.yaml", "base: two.yaml\n");
  const fs::path two = write("two.yaml", "x: 1\nbase: ./one.yaml\n");
  EXPECT_THAT(error_of([&] { load_config(two); }), HasSubstr("one.yaml:1: `base` leads back to"));
  const fs::path orphan = write("orphan.yaml", "x: 1\nbase: nowhere.yaml\n");
  EXPECT_THAT(error_of([&] { load_config(orphan); }), HasSubstr("orphan.yaml:2: the base file"));
  const fs::path list = write("list.yaml", "[1, 2]\n");
  EXPECT_THAT(error_of([&] { load_config(list); }),
              HasSubstr("list.yaml:1: a config file is a map"));
  EXPECT_THAT(error_of([&] { load_config("no-such.yaml"); }),
              HasSubstr("no-such.yaml: no such file"));
  write("n0.yaml", "x: 1\n");
  const auto name = [](int i) {
    std::string text = "n";
    text += std::to_string(i);
    return text += ".yaml";
  };
  for (int i = 1; i <= 16; ++i) write(name(i), "base: " + name(i - 1));
  EXPECT_EQ(load_config(directory_ / "n15.yaml").find("x")->scalar, "1");
  EXPECT_THAT(error_of([&] { load_config(directory_ / "n16.yaml"); }),
              HasSubstr("n1.yaml:1: more than 16 files in a chain of `base`"));
  const fs::path endless = write("endless.yaml", "base: " + std::string(300, 'x') + "\n");
  EXPECT_THAT(error_of([&] { load_config(endless); }), HasSubstr("is missing"));
  const fs::path zero = write("zero.yaml", "base: \"n0.yaml\\0\"\n");
  EXPECT_THAT(error_of([&] { load_config(zero); }), HasSubstr("base must be the name"));
  const fs::path bad = write("bad.yaml", "base: [a.yaml]\n");
  EXPECT_THAT(error_of([&] { load_config(bad); }), HasSubstr("base must be the name"));
}

TEST(ApplySet, SetsNestedValuesWithTheirPlace) {
  ConfigTree tree = parse_yaml("s: {a: 1, b: {c: 2}}\nempty:\n", "f.yaml");
  apply_set(tree, "s.b.c=[3, 4]");
  apply_set(tree, "new.section.x=1e-4");
  apply_set(tree, "empty.y=a=b");
  apply_set(tree, "s.a=");
  EXPECT_EQ(tree.find("s")->find("b")->find("c")->list.size(), 2U);
  EXPECT_EQ(tree.find("s")->place, "f.yaml:1");
  const ConfigTree& x = *tree.find("new")->find("section")->find("x");
  EXPECT_EQ(x.scalar, "1e-4");
  EXPECT_EQ(x.place, "--set new.section.x=1e-4");
  EXPECT_TRUE(x.directory.empty());
  EXPECT_EQ(tree.find("empty")->find("y")->scalar, "a=b");
  EXPECT_EQ(tree.find("s")->find("a")->kind, ConfigTree::Kind::kNull);
}

TEST(ApplySet, WorksOnAnEmptyTree) {
  ConfigTree tree;
  apply_set(tree, "a.b=1");
  EXPECT_EQ(tree.find("a")->find("b")->scalar, "1");
}

TEST(ApplySet, RefusesMalformedAssignments) {
  ConfigTree tree = parse_yaml("s: {a: 1}\n", "f.yaml");
  const auto error = [&](const char* text) { return error_of([&] { apply_set(tree, text); }); };
  for (const char* text : {"s.a", "=1", "s..a=1", ".a=1", "a.=1", "s a=1"}) {
    EXPECT_THAT(error(text), HasSubstr("not an assignment")) << text;
  }
  EXPECT_THAT(error("s.a.b=1"), HasSubstr("no section to hold 'b'; at f.yaml:1"));
  EXPECT_THAT(error("s.a=[1"), HasSubstr("--set s.a=[1: not valid YAML"));
}

}  // namespace
}  // namespace loopline::config
