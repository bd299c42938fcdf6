#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "io/io_testing.h"
#include "loopline/core/files.h"
#include "loopline/io/tokenizer.h"

namespace loopline::io {
namespace {

using testing::AllOf;
using testing::HasSubstr;

/// A small vocabulary, and what transformers makes of texts: tests/golden/.
const nlohmann::json& golden() {
  static const nlohmann::json json =
      nlohmann::json::parse(read_file(LOOPLINE_SOURCE_DIR "/tests/golden/clip_tokenizer.json"));
  return json;
}

std::string golden_merges() {
  std::string lines;
  for (const auto& line : golden()["merges"]) lines += line.get<std::string>() + "\n";
  return lines;
}

TokenizerSpec clip_spec(const std::string& vocab = golden()["vocab"].dump(),
                        const std::string& merges = golden_merges()) {
  TokenizerSpec spec;
  spec.kind = "clip_bpe";
  spec.vocab = temporary("vocab.json", vocab);
  spec.merges = temporary("merges.txt", merges);
  spec.bos_id = golden()["bos"];
  spec.eos_id = golden()["eos"];
  spec.pad_id = golden()["pad"];
  spec.length = golden()["length"];
  return spec;
}

TEST(ClipTokenizer, GivesTheIdsOfTransformers) {
  const auto tokenizer = load_tokenizer(clip_spec());
  for (const auto& expected : golden()["cases"]) {
    EXPECT_EQ(tokenizer->encode(expected["text"]), expected["ids"].get<std::vector<std::int64_t>>())
        << expected["text"];
  }
}

TEST(ClipTokenizer, PadsWithThePaddingsId) {
  TokenizerSpec spec = clip_spec();
  spec.pad_id = 0;
  const auto ids = load_tokenizer(spec)->encode("cat");
  EXPECT_EQ(ids.front(), *spec.bos_id);
  EXPECT_EQ(ids[2], *spec.eos_id);
  EXPECT_EQ(ids[3], 0);
  EXPECT_EQ(ids.back(), 0);
}

TEST(ClipTokenizer, ALongWordTakesNoSquareOfItsLength) {
  TokenizerSpec spec = clip_spec();
  spec.length = 65536;
  const auto ids = load_tokenizer(spec)->encode(std::string(1 << 20, 'a'));
  EXPECT_EQ(ids.back(), *spec.eos_id);
}

TEST(ClipTokenizer, RefusesTextThatIsNotUtf8) {
  const auto tokenizer = load_tokenizer(clip_spec());
  EXPECT_THAT(error_of([&] { tokenizer->encode("cat \xff"); }), HasSubstr("not valid UTF-8"));
}

TEST(ClipTokenizer, RefusesWrongFiles) {
  const auto refused = [](const std::string& vocab, const std::string& merges) {
    return error_of([&] { load_tokenizer(clip_spec(vocab, merges)); });
  };
  const auto with = [](const std::string& piece, const nlohmann::json& id) {
    nlohmann::json vocab = golden()["vocab"];
    vocab[piece] = id;
    return vocab.dump();
  };
  const std::string vocab = golden()["vocab"].dump();
  EXPECT_THAT(refused("[]", ""), HasSubstr("vocab.json: must be an object"));
  EXPECT_THAT(refused(with("new", -1), ""), HasSubstr("the id of \"new\" must be a whole number"));
  EXPECT_THAT(refused(with("new", 0), ""), HasSubstr("have the same id, 0"));
  EXPECT_THAT(refused("{}", ""), HasSubstr("has no piece \"<|"));
  EXPECT_THAT(refused(vocab, "#version: 0.2\nc a\nnonsense\n"),
              AllOf(HasSubstr("merges.txt:3"), HasSubstr("two pieces")));
  EXPECT_THAT(refused(vocab, "c a\nc a\n"), HasSubstr("stands in an earlier line as well"));
  EXPECT_THAT(refused(vocab, "z z\n"), HasSubstr("the piece \"zz\" is not in"));
  TokenizerSpec outside = clip_spec();
  outside.pad_id = 999999;
  EXPECT_THAT(error_of([&] { load_tokenizer(outside); }),
              AllOf(HasSubstr("999999"), HasSubstr("pad_id")));
}

}  // namespace
}  // namespace loopline::io
