#pragma once

#include <memory>
#include <optional>
#include <string>

#include "loopline/io/reward_bundle.h"
#include "loopline/reward/reward.h"

namespace loopline::reward {

/// The bundle that a source names, or nothing for a built-in. Any other source is an Error with the
/// nearest built-in's name.
std::optional<io::RewardBundle> read_reward_source(const std::string& source);

/// The reward of a source that `read_reward_source` has read.
std::unique_ptr<Reward> load_reward_source(const std::string& source,
                                           const std::optional<io::RewardBundle>& bundle,
                                           at::Device device);

}  // namespace loopline::reward
