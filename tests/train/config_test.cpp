#include "loopline/train/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/policy/preset.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TrainConfig load(const std::filesystem::path& file, const std::vector<std::string>& set = {}) {
  return load_train_plan(file, set).config;
}

TEST(TrainConfig, PresetAndBundleFillTheBlanks) {
  const auto world = testing::make_tiny_world("config_blanks");
  const TrainConfig config = load(world / "run.yaml", {"algorithm=grpo", "advantage.scale=none"});
  EXPECT_EQ(*config.advantage.baseline, "group_mean");
  EXPECT_EQ(*config.advantage.scale, "none") << "an axis set by hand beats the preset";
  EXPECT_EQ(*config.surrogate.kind, "clipped");
  EXPECT_EQ(*config.sampler.steps, 4);
  EXPECT_EQ(*config.sampler.min_sigma, 0.05);
  EXPECT_EQ(config.model, (world / "model").string());
}

TEST(TrainConfig, ResolvedTextReadsBackToTheSameConfig) {
  const auto world = testing::make_tiny_world("config_resolved");
  const TrainConfig config = load(world / "run.yaml", {"optimizer.lr=0.1", "advantage.clamp=3"});
  const std::string text = write_train_config(config);
  std::ofstream(world / "resolved.yaml") << text;
  EXPECT_EQ(write_train_config(load(world / "resolved.yaml")), text);
  EXPECT_EQ(config.hashes.model.size(), 64U);
}

TEST(TrainConfig, TheClipIsARatioOrNats) {
  const auto world = testing::make_tiny_world("config_clip");
  const auto clips = [&](const std::vector<std::string>& set) {
    const TrainConfig config = load(world / "run.yaml", set);
    return std::pair(*config.surrogate.clip_low, *config.surrogate.clip_high);
  };
  EXPECT_EQ(clips({}), std::pair(0.05, 0.05));
  EXPECT_EQ(clips({"surrogate.clip=null"}), std::pair(1e-4, 1e-4));
  EXPECT_EQ(clips({"surrogate.clip=null", "surrogate.clip_nats=24"}), std::pair(0.5, 0.5))
      << "48 latent elements";
  EXPECT_EQ(clips({"surrogate.clip_high=0.2"}), std::pair(0.05, 0.2));
}

TEST(TrainConfig, PromptsMayBeLeftOutOnlyWhereTheModelNeedsNone) {
  const auto world = testing::make_tiny_world("config_prompts");
  EXPECT_THAT([&] { load(world / "run.yaml", {"prompts=null"}); },
              ::testing::ThrowsMessage<Error>(HasSubstr("prompts")));
}

struct Refusal {
  std::string assignment;
  std::vector<std::string> parts;
};

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, WithPathAndReason) {
  const auto world = testing::make_tiny_world("config_refused");
  try {
    load(world / "run.yaml", {GetParam().assignment});
    FAIL() << GetParam().assignment << " was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kWrongUse);
    for (const std::string& part : GetParam().parts) EXPECT_THAT(error.what(), HasSubstr(part));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refused,
    ::testing::Values(Refusal{"optimiser.lr=1", {"optimiser", "optimizer"}},
                      Refusal{"optimizer.lrr=1", {"optimizer.lrr", "lr"}},
                      Refusal{"optimizer.lr=fast", {"optimizer.lr", "fast"}},
                      Refusal{"optimizer.lr=0", {"optimizer.lr"}},
                      Refusal{"optimizer.lr=-1", {"optimizer.lr"}},
                      Refusal{"algorithm=lop", {"algorithm", "loop"}},
                      Refusal{"rollout.group_size=1", {"leave_one_out"}},
                      Refusal{"rollout.images=30", {"rollout.images", "30", "4"}},
                      Refusal{"sampler.eta=0", {"sampler.eta", "no density"}},
                      Refusal{"learner.shards=3", {"learner.shards", "8 groups"}},
                      Refusal{"surrogate.kind=log_prob", {"on-policy"}},
                      Refusal{"learner.timestep_fraction=0", {"timestep_fraction"}},
                      Refusal{"surrogate.clip_nats=1", {"clip_nats", "surrogate.clip"}},
                      Refusal{"precision=fp16", {"fp16", "bf16"}},
                      Refusal{"frozen_precision=fp16", {"frozen_precision", "bf16"}},
                      Refusal{"reward=[]", {"reward"}},
                      Refusal{"reward=jpeg_compresibility", {"jpeg_compressibility"}},

                      Refusal{"model=nowhere", {"nowhere"}}, Refusal{"reward=nowhere", {"nowhere"}},
                      Refusal{"prompts=nowhere.txt", {"nowhere.txt"}},
                      Refusal{"iterations=1.5", {"iterations", "1.5"}}, Refusal{"seed", {"seed"}}),
    [](const auto& info) { return "Row" + std::to_string(info.index); });

// docs/configuration.md is this description; LOOPLINE_UPDATE_DOCS=1 in the environment rewrites it.
TEST(TrainConfig, ReferencePageIsUpToDate) {
  TrainConfig config;
  const std::string page =
      "# Configuration of `loopline train`\n\n"
      "Every option of a training config, as the program describes it. Options come from, in "
      "rising "
      "order: the defaults here, the file named by `base:`, the file itself, blanks filled by the "
      "bundle and by the algorithm's preset, `--set key.path=value`. Maps merge, lists replace; "
      "paths "
      "are relative to the file that states them.\n\n" +
      config::document_options([&](config::OptionVisitor& v) { config.describe(v); });
  const std::filesystem::path file =
      std::filesystem::path(LOOPLINE_SOURCE_DIR) / "docs/configuration.md";
  if (std::getenv("LOOPLINE_UPDATE_DOCS") != nullptr) std::ofstream(file) << page;
  ASSERT_TRUE(std::filesystem::exists(file));
  EXPECT_EQ(read_file(file), page);
}

TEST(TrainConfig, EveryPresetIsALegalConfig) {
  const auto world = testing::make_tiny_world("config_presets");
  for (const policy::Preset& preset : policy::presets()) {
    const TrainConfig config = load(
        world / "run.yaml",
        {"algorithm=" + preset.name, "rollout.group_size=null", "learner.updates_per_epoch=null"});
    EXPECT_EQ(*config.rollout.group_size, preset.group_size) << preset.name;
    EXPECT_EQ(*config.learner.updates_per_epoch, preset.updates) << preset.name;
  }
}

}  // namespace
}  // namespace loopline::train
