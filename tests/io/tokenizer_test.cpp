#include "loopline/io/tokenizer.h"

#include <gmock/gmock.h>

#include "io/io_testing.h"

namespace loopline::io {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TokenizerSpec spec(const std::string& vocabulary_file) {
  TokenizerSpec spec;
  spec.kind = "word";
  spec.file = temporary("tokenizer.json", vocabulary_file);
  spec.length = 5;
  return spec;
}

constexpr char kVocabulary[] =
    R"({"vocabulary": ["<pad>", "a", "red", "green", "cat", "<s>", "</s>"]})";

TEST(WordTokenizer, EncodesPadsAndCuts) {
  const auto tokenizer = load_tokenizer(spec(kVocabulary));
  EXPECT_THAT(tokenizer->encode("a red  cat\t"), ElementsAre(1, 2, 4, 0, 0));
  EXPECT_THAT(tokenizer->encode("A Red CAT"), ElementsAre(1, 2, 4, 0, 0));
  EXPECT_THAT(tokenizer->encode(""), ElementsAre(0, 0, 0, 0, 0));
  EXPECT_THAT(tokenizer->encode("a a a a a red"), ElementsAre(1, 1, 1, 1, 1));
}

TEST(WordTokenizer, KeepsTheEndWhenItCuts) {
  TokenizerSpec s = spec(kVocabulary);
  s.bos_id = 5;
  s.eos_id = 6;
  s.pad_id = 6;
  const auto tokenizer = load_tokenizer(s);
  EXPECT_THAT(tokenizer->encode("red"), ElementsAre(5, 2, 6, 6, 6));
  EXPECT_THAT(tokenizer->encode("red red red cat cat"), ElementsAre(5, 2, 2, 2, 6));
}

TEST(WordTokenizer, NamesAnUnknownWordAndTheNearest) {
  const auto tokenizer = load_tokenizer(spec(kVocabulary));
  EXPECT_EQ(error_of([&] { tokenizer->encode("a gren cat"); }),
            "prompt \"a gren cat\": the model does not know the word \"gren\"; did you mean "
            "\"green\"?");
  EXPECT_THAT(error_of([&] { tokenizer->encode("a a a a a zebra"); }), HasSubstr("\"zebra\""))
      << "also where the prompt is cut";
}

TEST(WordTokenizer, UsesUnknownIdAndCase) {
  const auto tokenizer = load_tokenizer(
      spec(R"({"vocabulary": ["<pad>", "?", "Cat"], "lowercase": false, "unknown_id": 1})"));
  EXPECT_THAT(tokenizer->encode("Cat cat dog"), ElementsAre(2, 1, 1, 0, 0));
}

TEST(WordTokenizer, RefusesWrongVocabularies) {
  const auto refused = [](const std::string& file, std::int64_t pad_id = 0) {
    return error_of([&] {
      TokenizerSpec s = spec(file);
      s.pad_id = pad_id;
      load_tokenizer(s);
    });
  };
  EXPECT_THAT(refused("{}"), HasSubstr("tokenizer.json: vocabulary is missing"));
  EXPECT_THAT(refused(R"({"vocabulary": []})"), HasSubstr("vocabulary is empty"));
  EXPECT_THAT(refused(R"({"vocabulary": ["a", "a"]})"), HasSubstr("holds \"a\" twice"));
  EXPECT_THAT(refused(R"({"vocabulary": ["a", 1]})"), HasSubstr("vocabulary[1] must be text"));
  EXPECT_THAT(refused(R"({"vocabulary": ["a"], "unknown_id": 1})"), HasSubstr("unknown_id is 1"));
  EXPECT_THAT(refused(R"({"vocabulary": ["a"], "lower": true})"),
              HasSubstr("unknown field \"lower\""));
  EXPECT_THAT(refused(R"({"vocabulary": ["a"]})", 1), HasSubstr("the manifest's pad_id is 1"));
}

TEST(WordTokenizer, BoundsTheVocabulary) {
  nlohmann::json words = nlohmann::json::array();
  for (int i = 0; i <= 1'000'000; ++i) words.push_back(std::to_string(i));
  const nlohmann::json file = {{"vocabulary", words}};
  EXPECT_THAT(error_of([&] { load_tokenizer(spec(file.dump())); }),
              HasSubstr("vocabulary has more than 1000000 words"));
}

TEST(LoadTokenizer, NamesAnUnknownKind) {
  TokenizerSpec s;
  s.kind = "sentencepiece";
  EXPECT_THAT(error_of([&] { load_tokenizer(s); }), HasSubstr("knows no kind \"sentencepiece\""));
}

}  // namespace
}  // namespace loopline::io
