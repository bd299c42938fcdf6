#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loopline/io/prompt.h"

namespace loopline::reward {

/// Rewards of N images, on the host.
struct Scores {
  std::vector<double> total;                                            ///< [N], what is maximised
  std::vector<std::pair<std::string, std::vector<double>>> components;  ///< named, each [N]
  std::vector<bool> valid;  ///< [N]; an invalid sample's numbers mean nothing
  /// Of a sum (reward_sum.h): the summands' totals without their weights, each [N]. Else empty.
  std::vector<std::vector<double>> terms{};
};

/// Judges images. Not trained, runs without gradients. One thread at a time.
class Reward {
 public:
  virtual ~Reward() = default;
  virtual const std::string& name() const = 0;

  /// Names of the components that `score` returns, in order.
  virtual const std::vector<std::string>& component_names() const = 0;

  /// images float32 [N, C, H, W] in [0, 1]; prompts [N], one an image. Totals are returned as they
  /// come out, finite or not: who uses them decides.
  virtual Scores score(const at::Tensor& images, const std::vector<io::Prompt>& prompts) = 0;
};

/// Makes one reward from its source: the name of a built-in (builtin_reward.h) or the directory of
/// a reward bundle. Anything else is an Error that names the nearest built-in.
std::unique_ptr<Reward> make_reward(const std::string& source, at::Device device);

/// An Error (exit 1) that names prompt and sample when a valid sample's total is not finite.
void check_finite(const Scores& scores, const std::vector<io::Prompt>& prompts,
                  const std::string& reward_name);

}  // namespace loopline::reward
