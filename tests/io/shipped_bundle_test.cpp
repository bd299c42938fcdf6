// The bundle that ships with the repository keeps to the format that it documents.

#include <gmock/gmock.h>

#include "io/io_testing.h"
#include "loopline/io/model_bundle.h"
#include "loopline/io/prompt.h"
#include "loopline/io/reward_bundle.h"

namespace loopline::io {
namespace {

namespace fs = std::filesystem;

const fs::path kEmoji = fs::path(LOOPLINE_SOURCE_DIR) / "models/emoji";

TEST(ShippedBundle, LoadsAndEncodesItsPrompts) {
  const ModelBundle bundle = load_model_bundle(kEmoji);
  EXPECT_EQ(bundle.name, "emoji");
  ASSERT_TRUE(bundle.tokenizer);
  const auto tokenizer = load_tokenizer(*bundle.tokenizer);
  std::size_t splits = 0;
  for (const auto& split : fs::directory_iterator(kEmoji / "prompts")) {
    for (const Prompt& prompt : read_prompts(split.path())) {
      EXPECT_NE(tokenizer->encode(prompt.text).front(), bundle.tokenizer->pad_id) << prompt.text;
    }
    ++splits;
  }
  EXPECT_GE(splits, 4U);
}

TEST(ShippedBundle, ItsRewardsReadTheSameWords) {
  const ModelBundle bundle = load_model_bundle(kEmoji);
  for (const char* name : {"judge", "oracle"}) {
    const RewardBundle reward = load_reward_bundle(kEmoji / "rewards" / name);
    ASSERT_TRUE(reward.tokenizer) << name;
    EXPECT_EQ(content(reward.tokenizer->file), content(bundle.tokenizer->file)) << name;
    EXPECT_EQ(reward.image.height, bundle.image.height) << name;
    EXPECT_EQ(reward.image.width, bundle.image.width) << name;
  }
}

}  // namespace
}  // namespace loopline::io
