#include "loopline/io/reward_bundle.h"

#include <gmock/gmock.h>

#include "io/io_testing.h"

namespace loopline::io {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

json example() { return documented_json("reward.json"); }
RewardBundle parse(const json& manifest) { return parse_reward_bundle(manifest.dump(), "/b"); }

TEST(RewardBundle, ReadsTheExampleOfTheSpecification) {
  const RewardBundle b = parse(example());
  EXPECT_EQ(b.name, "my-judge");
  EXPECT_EQ(b.model, "/b/model.ts");
  EXPECT_EQ(b.image.channels, 3);
  EXPECT_EQ(b.image.low, 0);
  EXPECT_EQ(b.image.high, 1);
  EXPECT_FALSE(b.resize);
  ASSERT_EQ(b.inputs.size(), 2U);
  EXPECT_EQ(b.inputs[0].kind, RewardInput::Kind::kImages);
  EXPECT_EQ(b.inputs[1].kind, RewardInput::Kind::kTokens);
  EXPECT_EQ(b.tokenizer->file, "/b/tokenizer.json");
  EXPECT_THAT(b.components, ElementsAre("reward", "left_colour"));
  EXPECT_EQ(b.total, 0);
  EXPECT_EQ(b.valid, std::nullopt);
  EXPECT_EQ(b.output_index, std::nullopt);
}

TEST(RewardBundle, ReadsDefaultsAndOptionalFields) {
  const RewardBundle b = parse(json::parse(R"({
    "format": "loopline-reward", "version": 1, "name": "n", "files": {"model": "m.ts"},
    "image": {"channels": 1, "height": 4, "width": 4, "resize": "bilinear"},
    "inputs": [{"source": "metadata", "key": "k", "dtype": "float32", "shape": [2]}],
    "output": {"index": 2, "components": ["ok", "r"], "total": "r", "valid": "ok"}})"));
  EXPECT_EQ(b.image.low, 0);
  EXPECT_EQ(b.image.high, 1);
  EXPECT_TRUE(b.resize);
  EXPECT_EQ(b.inputs[0].key, "k");
  EXPECT_THAT(b.inputs[0].shape, ElementsAre(2));
  EXPECT_EQ(b.output_index, 2);
  EXPECT_EQ(b.total, 1);
  EXPECT_EQ(b.valid, 0);
  EXPECT_EQ(b.provenance, json::object());
}

TEST(RewardBundle, RefusesEveryWrongField) {
  const std::vector<Mutation> mutations = {
      {"/format", "\"loopline-bundle\"",
       "format is \"loopline-bundle\", and must be \"loopline-reward\""},
      {"/version", "7", "version is 7, and this Loopline reads 1"},
      {"/requires", "[\"x\"]", "requires names \"x\""},
      {"/name", "", "name is missing"},
      {"/judge", "1", "unknown field \"judge\""},
      {"/files/model", "\"../m.ts\"", "files.model is \"../m.ts\""},
      {"/files/other", "\"m.ts\"", "unknown field \"files.other\""},
      {"/image/channels", "2", "image.channels is 2"},
      {"/image/resize", "\"nearest\"",
       "image.resize is \"nearest\", and must be one of none, bilinear"},
      {"/image/size", "3", "unknown field \"image.size\""},
      {"/inputs", "", "inputs is missing"},
      {"/inputs", "[]", "inputs is empty"},
      {"/inputs/0/source", "\"image\"", "inputs[0].source is \"image\""},
      {"/inputs/0/key", "\"k\"", "unknown field \"inputs[0].key\""},
      {"/inputs/0", "{\"source\": \"metadata\", \"key\": \"k\", \"dtype\": \"float32\"}",
       "inputs[0].shape is missing"},
      {"/inputs/1", "{\"source\": \"images\"}", "tokenizer is there, and no input is tokens"},
      {"/tokenizer", "", "tokenizer is missing, and some input is tokens"},
      {"/tokenizer/length", "\"8\"", "tokenizer.length must be a whole number"},
      {"/output/index", "-1", "output.index is -1"},
      {"/output/components", "[]", "output.components is empty"},
      {"/output/components", "[\"reward\", \"reward\"]",
       "output.components names one component twice"},
      {"/output/total", "\"rewrad\"", "output.total is \"rewrad\", and must be one of reward"},
      {"/output/total", "", "output.total is missing"},
      {"/output/valid", "\"reward\"", "output.valid is the same component as total"},
      {"/output/valid", "\"x\"", "output.valid is \"x\""},
      {"/output/totals", "1", "unknown field \"output.totals\""},
      {"/provenance", "[]", "provenance must be an object"},
  };
  const json manifest = example();
  for (const Mutation& m : mutations) {
    const std::string message = error_of([&] { parse(mutated(manifest, m.pointer, m.value)); });
    EXPECT_THAT(message, HasSubstr(m.message)) << m.pointer << " = " << m.value;
    EXPECT_THAT(message, testing::StartsWith("/b/reward.json: ")) << m.pointer;
  }
}

TEST(RewardBundle, LoadsADirectoryAndHashesIt) {
  const auto path = temporary("judge/reward.json", example().dump());
  temporary("judge/model.ts", "weights");
  const auto directory = path.parent_path();
  std::filesystem::remove(directory / "tokenizer.json");
  EXPECT_THAT(error_of([&] { load_reward_bundle(directory); }), HasSubstr("tokenizer.file names "));
  temporary("judge/tokenizer.json", "{}");
  const std::string hash = load_reward_bundle(directory).hash;
  temporary("judge/model.ts", "other weights");
  EXPECT_NE(load_reward_bundle(directory).hash, hash);
}

}  // namespace
}  // namespace loopline::io
