#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/denoiser/model.h"
#include "loopline/diffusion/transition.h"
#include "loopline/io/image.h"
#include "loopline/policy/advantage.h"
#include "loopline/reward/reward.h"
#include "loopline/train/adamw.h"
#include "loopline/train/config.h"
#include "loopline/train/learner.h"

namespace loopline::train {

/// What an iteration is doing.
inline constexpr const char* kSampling = "sampling";
inline constexpr const char* kUpdating = "updating";

/// Called while an iteration works: how far it is (0..1) and what it does. May throw during a
/// rollout to abandon the iteration: nothing has changed by then. Must not throw during updates.
using IterationProgress = std::function<void(double fraction, const std::string& activity)>;

/// The algorithm: prompts, rollout, rewards, advantages, updates. Knows nothing of directories.
class Trainer {
 public:
  /// Loads the model, reward and judges that a resolved config names.
  explicit Trainer(const TrainConfig& config);

  /// One iteration (0-based): a rollout and its updates. Returns the metrics in the order in which
  /// they are logged; key `iteration` counts from 1.
  nlohmann::ordered_json iterate(std::int64_t iteration, const IterationProgress& on_progress);

  /// The grid of fixed prompts and fixed noise under the current weights.
  io::Image sample_grid();

  /// Checkpoint contents: the JSON state, and the binary files written into a directory.
  nlohmann::json state() const;
  void save(const std::filesystem::path& directory) const;
  void restore(const nlohmann::json& state, const std::filesystem::path& directory);

  const denoiser::Model& model() const { return model_; }
  const tensor::NamedTensors& trainable() const { return trainable_; }

 private:
  /// K trajectories of each drawn prompt, and their images.
  struct Rollout {
    std::vector<io::Prompt> group_prompts;  ///< one a group
    std::vector<io::Prompt> image_prompts;  ///< one an image
    Experience experience;                  ///< without advantages
    at::Tensor images;
  };

  Rollout roll_out(std::int64_t iteration, const std::function<void(double)>& on_progress);
  reward::Scores score(const Rollout& rollout);
  nlohmann::ordered_json reward_metrics(const Rollout& rollout, const reward::Scores& scores);
  std::vector<io::Prompt> draw_prompts(std::int64_t iteration) const;
  Experience condition(const std::vector<io::Prompt>& prompts, std::int64_t copies);
  at::Tensor decode(const at::Tensor& latents) const;

  TrainConfig config_;
  denoiser::Model model_;
  diffusion::Transition transition_;
  double guidance_ = 1;
  std::vector<io::Prompt> prompts_;
  std::unique_ptr<reward::Reward> reward_;
  std::vector<std::unique_ptr<reward::Reward>> judges_;
  tensor::NamedTensors trainable_;
  policy::AdvantageEstimator advantage_;
  AdamW optimizer_;
  Learner learner_;
  std::int64_t images_total_ = 0;
};

/// Indices of `wanted` items spread evenly over `count`, ascending; all of them when wanted >=
/// count.
std::vector<std::int64_t> spread(std::int64_t count, std::int64_t wanted);

/// A reward's components as judges report them; names that repeat among `judges` are an Error.
std::vector<std::unique_ptr<reward::Reward>> load_judges(const std::vector<std::string>& judges,
                                                         at::Device device);

}  // namespace loopline::train
