#pragma once

#include <memory>
#include <string>
#include <vector>

#include "loopline/reward/reward.h"

namespace loopline::reward {

/// Rewards that need no network, computed on the host from the picture alone. Each has one
/// component, named as the reward. They take images of 1, 3 or 4 channels; a fourth channel (alpha)
/// is left out.
///
/// - jpeg_compressibility: minus the size of the JPEG at quality 95 in kB (1000 bytes), as in DDPO
///   (Black et al. 2023); jpeg_incompressibility: plus that size.
/// - brightness: the mean of all colour values, 0 to 1.
/// - colourfulness: M3 of Hasler and Suesstrunk 2003 on values 0 to 255. With rg = R - G and
///   yb = (R + G) / 2 - B it is |std(rg), std(yb)| + 0.3 |mean(rg), mean(yb)|, lengths of pairs,
///   population deviations. 0 is grey, 15 slightly, 45 averagely, 109 extremely colourful. An
///   image of one channel has 0.
const std::vector<std::string>& builtin_reward_names();
bool is_builtin_reward(const std::string& name);

/// `name` is one of builtin_reward_names().
std::unique_ptr<Reward> make_builtin_reward(const std::string& name);

}  // namespace loopline::reward
