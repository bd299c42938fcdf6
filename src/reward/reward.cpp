#include "loopline/reward/reward.h"

#include <cmath>

#include "loopline/core/error.h"
#include "reward_source.h"

namespace loopline::reward {

std::unique_ptr<Reward> make_reward(const std::string& source, at::Device device) {
  return load_reward_source(source, read_reward_source(source), device);
}

void check_finite(const Scores& scores, const std::vector<io::Prompt>& prompts,
                  const std::string& reward_name) {
  for (std::size_t i = 0; i < scores.total.size(); ++i) {
    if (!scores.valid[i] || std::isfinite(scores.total[i])) continue;
    throw failure("reward \"" + reward_name + "\"",
                  "returned " + std::to_string(scores.total[i]) + " for sample " +
                      std::to_string(i) + ", prompt \"" + prompts[i].text + "\"",
                  "mend the reward, or let it mark such samples as invalid (output.valid)");
  }
}

}  // namespace loopline::reward
