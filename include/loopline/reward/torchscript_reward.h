#pragma once

#include <filesystem>
#include <memory>

#include "loopline/reward/reward.h"

namespace loopline::reward {

/// A reward bundle (docs/bundles.md): reward.json beside a TorchScript network.
std::unique_ptr<Reward> load_torchscript_reward(const std::filesystem::path& directory,
                                                at::Device device);

}  // namespace loopline::reward
