#include "loopline/policy/preset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"

namespace loopline::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string message_of_unknown(const std::string& name) {
  try {
    find_preset(name);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Presets, EveryNameIsFoundAndItsPointIsLegal) {
  for (const Preset& preset : presets()) {
    EXPECT_EQ(&find_preset(preset.name), &preset);
    EXPECT_NO_THROW(AdvantageEstimator({.baseline = preset.baseline, .scale = preset.scale},
                                       preset.group_size));
    // log_prob is a gradient only on-policy.
    EXPECT_EQ(preset.surrogate == SurrogateKind::kLogProb, preset.updates == 1) << preset.name;
  }
}

TEST(Presets, LoopIsRloosAdvantageWithPposSurrogate) {
  const Preset& loop = find_preset("loop");
  EXPECT_EQ(loop.baseline, find_preset("rloo").baseline);
  EXPECT_EQ(loop.scale, find_preset("rloo").scale);
  EXPECT_EQ(loop.group_size, find_preset("rloo").group_size);
  EXPECT_EQ(loop.surrogate, find_preset("ppo").surrogate);
  EXPECT_EQ(loop.updates, find_preset("ppo").updates);
}

TEST(Presets, UnknownNameTellsTheNearest) {
  EXPECT_THAT(message_of_unknown("lopp"), HasSubstr("did you mean 'loop'?"));
  EXPECT_THAT(message_of_unknown("lopp"), HasSubstr("reinforce, rloo, ppo, grpo, loop"));
}

TEST(AxisNames, RoundTripInTheOrderOfTheTable) {
  for (const std::string& name : baseline_names()) EXPECT_EQ(to_string(parse_baseline(name)), name);
  for (const std::string& name : scale_names()) EXPECT_EQ(to_string(parse_scale(name)), name);
  for (const std::string& name : surrogate_names()) {
    EXPECT_EQ(to_string(parse_surrogate(name)), name);
  }
  EXPECT_THAT(baseline_names(), ElementsAre("none", "batch_mean", "group_mean", "leave_one_out",
                                            "running_mean", "prompt_buffer"));
  EXPECT_THAT(scale_names(), ElementsAre("none", "group_std", "batch_std", "buffer_std"));
  EXPECT_THAT(surrogate_names(), ElementsAre("log_prob", "clipped"));
  EXPECT_THROW(parse_scale("groups_std"), Error);
}

}  // namespace
}  // namespace loopline::policy
