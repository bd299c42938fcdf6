#include "loopline/io/prompt.h"

#include <gmock/gmock.h>

#include "io/io_testing.h"
#include "loopline/core/files.h"

namespace loopline::io {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::Field;
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

TEST(Prompt, ClassesOfOneTextAreDifferentPrompts) {
  const auto classes = read("classes.jsonl",
                            "{\"text\": \"\", \"class\": 0}\n{\"text\": \"\", \"class\": 1}\n"
                            "{\"class\": 1, \"text\": \"\", \"weight\": 3}\n");
  EXPECT_NE(classes[0].id, classes[1].id);
  EXPECT_NE(prompt_key(classes[0]), prompt_key(classes[1]));
  EXPECT_EQ(classes[1].id, classes[2].id);
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
  EXPECT_THAT(refused("bad.csv", "x\n"),
              HasSubstr("prompts come from .txt, .jsonl or .yaml files"));
  EXPECT_THAT(error_of([] { read_prompts("absent.txt"); }), HasSubstr("absent.txt: no such file"));
}

TEST(ReadPrompts, KeepsTheIdsOfEarlierVersions) {
  EXPECT_EQ(read("i.txt", "a red cat\n")[0].id, "dde1a5f904818569");
  EXPECT_EQ(read("i.jsonl", "{\"text\": \"a red cat\", \"negative\": \"dog\"}")[0].id,
            "bc7c4c2c2bfb9761");
}

std::vector<std::string> texts_of(const std::vector<Prompt>& prompts) {
  std::vector<std::string> texts;
  for (const Prompt& prompt : prompts) texts.push_back(prompt.text);
  return texts;
}

const char kShapes[] =
    "templates:\n"
    "  - a {colour} {shape} and a {colour} {shape}\n"
    "  - {text: '{{{shape}}}', weight: 3}\n"
    "slots: {colour: [red, green, blue], shape: [circle, square]}\n";

TEST(PromptTemplates, ExpandToAllCombinationsTheLastSlotFastest) {
  const std::vector<std::string> colours = {"red", "green", "blue"}, shapes = {"circle", "square"};
  for (const bool distinct : {false, true}) {
    std::vector<std::string> texts;
    std::vector<nlohmann::json> metadata;
    for (const std::string& c : colours) {
      for (const std::string& s : shapes) {
        for (const std::string& d : colours) {
          for (const std::string& t : shapes) {
            if (distinct && c == d) continue;
            texts.push_back("a " + c + " " + s + " and a " + d + " " + t);
            metadata.push_back({{"colour", {c, d}}, {"shape", {s, t}}});
          }
        }
      }
    }
    for (const std::string& s : shapes) {
      texts.push_back("{" + s + "}");
      metadata.push_back({{"shape", nlohmann::json::array({s})}});
    }
    const auto prompts = read("t.yaml", kShapes + std::string(distinct ? "distinct: colour" : ""));
    EXPECT_EQ(texts_of(prompts), texts);
    ASSERT_EQ(prompts.size(), metadata.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      EXPECT_EQ(prompts[i].metadata, metadata[i]) << prompts[i].text;
      EXPECT_EQ(prompts[i].id, make_prompt(prompts[i].text, "", metadata[i]).id);
      EXPECT_EQ(prompts[i].weight, prompts[i].text[0] == '{' ? 3 : 1);
    }
  }
}

TEST(PromptTemplates, DistinctHoldsForEachPairOfPlaces) {
  const auto prompts =
      read("d.yml", "templates: '{n} {m} {n} {n}'\nslots: {n: [1, 2, 3], m: [x]}\ndistinct: [n]\n");
  EXPECT_THAT(texts_of(prompts),
              ElementsAre("1 x 2 3", "1 x 3 2", "2 x 1 3", "2 x 3 1", "3 x 1 2", "3 x 2 1"));
  EXPECT_EQ(prompts[1].metadata, nlohmann::json::parse(R"({"n": ["1", "3", "2"], "m": ["x"]})"));
}

TEST(PromptTemplates, TakeTextAsItStands) {
  const auto prompts = read("q.yaml",
                            "templates:\n"
                            "  - >\n"
                            "    a {size}cat\n"
                            "    on a mat\n"
                            "  - no slot, {{braces}}\n"
                            "slots:\n"
                            "  size: ['', 'big ', '{size}', 007, yes]\n"
                            "negative: '{{size}}'\n");
  EXPECT_THAT(texts_of(prompts),
              ElementsAre("a cat on a mat", "a big cat on a mat", "a {size}cat on a mat",
                          "a 007cat on a mat", "a yescat on a mat", "no slot, {braces}"));
  EXPECT_THAT(prompts, Each(Field(&Prompt::negative, "{{size}}")));
  EXPECT_EQ(prompts[0].id, make_prompt("a cat on a mat", "{{size}}", prompts[0].metadata).id);
  EXPECT_TRUE(prompts[5].metadata.empty());
  EXPECT_EQ(read("one.yaml", "templates: [x]").size(), 1U) << "slots are optional";
}

TEST(PromptTemplates, AreBounded) {
  const auto file = [](int ones) {
    std::string slots = "slots: {digit: [a, b, c, d, e, f, g, h, i, j]}\ntemplates: ['";
    for (int i = 0; i < ones; ++i) slots += "{digit}";
    return slots + "', x]\n";
  };
  EXPECT_EQ(read("many.yaml", file(3)).size(), 1001U);
  EXPECT_THAT(refused("many.yaml", file(6)),
              HasSubstr("many.yaml: the templates make 1000001 prompts; at most 1000000"));
  EXPECT_THAT(refused("many.yaml", file(60)),
              HasSubstr("the templates make more than 18446744073709551615 prompts"));
  EXPECT_THAT(refused("many.yaml", file(65)), HasSubstr("many.yaml:2: a template with 65 slots"));
  std::string slots = "templates: a\nslots:\n";
  for (int i = 0; i <= 1000; ++i) slots += "  s" + std::to_string(i) + ": a\n";
  EXPECT_THAT(refused("many.yaml", slots), HasSubstr("many.yaml:2: more than 1000 slots"));
  EXPECT_THAT(refused("large.yaml", std::string((1 << 20) + 1, '#')), HasSubstr("1.0 MiB"));
}

TEST(ReadPrompts, BoundsLines) {
  const std::string line(std::size_t{16} << 20, 'a');
  EXPECT_EQ(read("long.txt", line + "\nb\n").size(), 2U);
  EXPECT_THAT(refused("long.txt", "b\n" + line + "a\n"),
              HasSubstr("long.txt:2: a line of more than 16 MiB"));
}

TEST(PromptTemplates, NameWhatIsWrongAndWhere) {
  const std::string slots = "slots:\n  colour: [red, blue]\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "t.yaml:1: templates is missing"},
      {"templates: []\n", "t.yaml:1: templates is empty"},
      {"templates: [a]\nslot: {}\n", "t.yaml:2: unknown option 'slot'; did you mean 'slots'?"},
      {slots + "templates:\n  - a\n  - a {color}\n",
       "t.yaml:5: {color} is no slot; did you mean 'colour'?"},
      {slots + "templates: ['{zzzzzzz}']\n", "t.yaml:3: {zzzzzzz} is no slot; slots are: colour"},
      {"templates: ['{a}']\n", "t.yaml:1: {a} is no slot; the file has no slots"},
      {slots + "templates: [a]\n", "t.yaml:2: no template uses {colour}"},
      {"slots:\n  c: []\ntemplates: ['{c}']\n", "t.yaml:2: slots.c is empty"},
      {"slots:\n  c: [x, y, x]\ntemplates: ['{c}']\n", "t.yaml:2: slots.c holds 'x' twice"},
      {"slots:\n  c: [x, ~]\ntemplates: ['{c}']\n", "slots.c[1]: expected text, found nothing"},
      {"slots:\n  c: [x, [y]]\ntemplates: ['{c}']\n", "slots.c[1]: expected text, found a list"},
      {"slots: [c]\ntemplates: ['{c}']\n", "t.yaml:1: slots must be a section"},
      {"templates: [a, [b]]\n", "templates[1]: expected text, found a list"},
      {"templates:\n  - {colour} cat\n", "put templates in quotes"},
      {"templates:\n  - {colour}\n", "put one that begins with a brace or holds a colon in quotes"},
      {"templates:\n  - {text: a, weight: 0}\n", "t.yaml:2: weight is 0, and must be"},
      {"templates:\n  - {text: a, wieght: 2}\n", "did you mean 'weight'?"},
      {"templates: ['a } b']\n", "t.yaml:1: a '}' without its partner"},
      {"templates: ['a {b']\n", "a '{' without its partner in the template; write {{"},
      {"templates: ['a {b{c}']\n", "a '{' without its partner"},
      {slots + "templates: ['{colour}']\ndistinct: [color]\n",
       "t.yaml:4: distinct: 'color' is no slot; did you mean 'colour'?"},
      {slots + "templates: ['{colour} {colour} {colour}']\ndistinct: colour\n",
       "t.yaml:3: the template uses {colour} 3 times, and it has only 2 distinct values"},
      {slots + "templates:\n  - a {colour} cat\n  - a red cat\n",
       "t.yaml:5: the prompt 'a red cat' comes out twice; first from the template at"},
      {"templates: [a]\ntemplates: [b]\n", "the key 'templates' is given twice"},
      {"templates: [\"\xFF\"]\n", "t.yaml: the text is not valid UTF-8"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(refused("t.yaml", text), HasSubstr(message)) << text;
  }
}

// The block of docs/getting_started.md that follows `heading`.
std::string documented(const std::string& heading) {
  const std::string docs = content(LOOPLINE_SOURCE_DIR "/docs/getting_started.md");
  const std::size_t begin = docs.find('\n', docs.find("```", docs.find(heading))) + 1;
  return docs.substr(begin, docs.find("```", begin) - begin);
}

TEST(DocumentedPrompts, AreWhatTheTextSays) {
  EXPECT_EQ(read("docs.txt", documented("**`.txt`**")).size(), 2U);
  const auto lines = read("docs.jsonl", documented("**`.jsonl`**"));
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].weight, 2);
  EXPECT_EQ(lines[1].metadata, nlohmann::json({{"count", 3}}));
  const auto prompts = read("docs.yaml", documented("**`.yaml`**"));
  ASSERT_EQ(prompts.size(), 26U);
  EXPECT_EQ(prompts[0].text, "a red circle and a green circle");
  EXPECT_EQ(prompts[0].metadata,
            nlohmann::json({{"colour", {"red", "green"}}, {"shape", {"circle", "circle"}}}));
  EXPECT_EQ(prompts[25].weight, 4);
}

}  // namespace
}  // namespace loopline::io
