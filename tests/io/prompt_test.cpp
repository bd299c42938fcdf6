#include "loopline/io/prompt.h"

#include <gmock/gmock.h>

#include "io/io_testing.h"
#include "loopline/core/files.h"

namespace loopline::io {
namespace {

using testing::HasSubstr;

std::vector<Prompt> read(const std::string& name, const std::string& text) {
  return read_prompts(temporary(name, text));
}
std::string refused(const std::string& name, const std::string& text) {
  return error_of([&] { read(name, text); });
}

TEST(Prompt, IdIsAPrefixOfTheContentsHash) {
  const Prompt prompt = make_prompt("a red cat");
  EXPECT_EQ(prompt.id, sha256(std::string("a red cat\0", 10)).substr(0, 16));
  EXPECT_EQ(prompt.weight, 1);
  EXPECT_EQ(prompt_key(prompt), std::stoull(prompt.id, nullptr, 16));
}

TEST(Prompt, KeyDependsOnContentAlone) {
  const auto a = read("a.jsonl", "{\"text\": \"ab\", \"negative\": \"c\"}\n");
  const auto b =
      read("b.jsonl",
           "{\"text\": \"a\", \"negative\": \"bc\"}\n"
           "{\"prompt\": \"ab\", \"negative\": \"c\", \"id\": \"mine\", \"weight\": 2}\n");
  EXPECT_NE(prompt_key(a[0]), prompt_key(b[0]));
  EXPECT_EQ(prompt_key(a[0]), prompt_key(b[1]));
  EXPECT_EQ(b[1].id, "mine");
  EXPECT_NE(prompt_key(make_prompt("ab")), prompt_key(a[0]));
}

TEST(ReadPrompts, ReadsTextLines) {
  const auto prompts = read("p.txt",
                            "\xEF\xBB\xBF"
                            "one two\r\n\n# comment\n  three \none two\nlast");
  ASSERT_EQ(prompts.size(), 4U);
  EXPECT_EQ(prompts[0].text, "one two");
  EXPECT_EQ(prompts[1].text, "three");
  EXPECT_EQ(prompts[2].text, "one two") << "duplicates are kept";
  EXPECT_EQ(prompts[3].text, "last");
  EXPECT_EQ(prompts[0].id, make_prompt("one two").id);
}

TEST(ReadPrompts, ReadsJsonLinesWithMetadata) {
  const auto prompts = read("p.jsonl",
                            "{\"text\": \"x\", \"class\": 3, \"weight\": 0.5, \"tags\": "
                            "[\"t\"]}\n\n{\"prompt\": \"\"}\n");
  ASSERT_EQ(prompts.size(), 2U);
  EXPECT_EQ(prompts[0].weight, 0.5);
  EXPECT_EQ(prompts[0].metadata, nlohmann::json::parse("{\"class\": 3, \"tags\": [\"t\"]}"));
  EXPECT_EQ(prompts[1].text, "");
  EXPECT_TRUE(prompts[1].metadata.empty());
}

TEST(ReadPrompts, NamesTheBadLine) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"text\": \"x\"}\n{\"text\": }\n", "bad.jsonl:2: not valid JSON"},
      {"\n\n[1]\n", "bad.jsonl:3: must be an object, found a list"},
      {"{\"txt\": \"x\"}\n", "bad.jsonl:1: text is missing; is \"txt\" a misspelling of it?"},
      {"{\"text\": 3}\n", "bad.jsonl:1: text must be text, found 3"},
      {"{\"text\": \"x\", \"prompt\": \"y\"}\n", "prompt stands beside text"},
      {"{\"text\": \"x\", \"text\": \"y\"}\n", "the key \"text\" is given twice"},
      {"{\"text\": \"x\", \"negative\": null}\n", "negative must be text"},
      {"{\"text\": \"x\", \"weight\": 0}\n", "weight is 0, and must be greater than 0"},
      {"{\"text\": \"x\", \"id\": \"\"}\n", "id is empty"},
      {"\n", "holds no prompt"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(refused("bad.jsonl", text), HasSubstr(message)) << text;
  }
  EXPECT_THAT(refused("bad.txt", "fine\n\xFF\xFE\n"),
              HasSubstr("bad.txt:2: the text is not valid UTF-8"));
  EXPECT_THAT(refused("bad.txt", "# only a comment\n"), HasSubstr("holds no prompt"));
  EXPECT_THAT(refused("bad.csv", "x\n"), HasSubstr("prompts come from .txt or .jsonl files"));
  EXPECT_THAT(error_of([] { read_prompts("absent.txt"); }), HasSubstr("absent.txt: no such file"));
}

}  // namespace
}  // namespace loopline::io
