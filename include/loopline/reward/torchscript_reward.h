#pragma once

#include <memory>

#include "loopline/io/reward_bundle.h"
#include "loopline/reward/reward.h"

namespace loopline::reward {

/// A reward bundle (docs/bundles.md) whose manifest has been read: its TorchScript network, loaded
/// on `device`.
std::unique_ptr<Reward> load_torchscript_reward(io::RewardBundle bundle, at::Device device);

}  // namespace loopline::reward
