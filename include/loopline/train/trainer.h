#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/denoiser/model.h"
#include "loopline/denoiser/reference.h"
#include "loopline/diffusion/transition.h"
#include "loopline/io/image.h"
#include "loopline/policy/advantage.h"
#include "loopline/train/adamw.h"
#include "loopline/train/ema.h"
#include "loopline/train/evaluation.h"
#include "loopline/train/jury.h"
#include "loopline/train/learner.h"
#include "loopline/train/plan.h"
#include "loopline/train/rollout.h"

namespace loopline::train {

/// What an iteration is doing.
inline constexpr const char* kSampling = "sampling";
inline constexpr const char* kUpdating = "updating";

/// Called while an iteration works: how far it is (0..1) and what it does. May throw during a
/// rollout to abandon the iteration: nothing has changed by then. Must not throw during updates.
using IterationProgress = std::function<void(double fraction, const std::string& activity)>;

/// What one iteration leaves behind, in the order in which it is logged.
struct Iteration {
  nlohmann::ordered_json metrics;               ///< key `iteration` counts from 1
  std::vector<nlohmann::ordered_json> samples;  ///< one a training image
  at::Tensor images;                            ///< float32 [N, C, H, W] in [0, 1]
  /// What was not finite and so left out, one clause each. `hopeless`: nothing was left, or the
  /// config says to stop; the weights are good nevertheless.
  std::vector<std::string> left_out;
  bool hopeless = false;
};

/// The algorithm: prompts, rollout, rewards, advantages, updates. Knows nothing of directories.
class Trainer {
 public:
  /// Loads the networks that a plan names; `initial` weights are laid over the bundle's. Encodes
  /// the prompts that are known by now, so that the text encoder need not stay in memory.
  explicit Trainer(const TrainPlan& plan, const tensor::NamedTensors& initial = {});

  /// One iteration (0-based): a rollout and its updates. A rollout that `guard` does not let pass
  /// is an Error (exit 1); nothing has changed then.
  Iteration iterate(std::int64_t iteration, const IterationProgress& on_progress);

  /// Judges the current weights (or their average, as `ema.evaluate` says) on the evaluation's
  /// splits: means as "eval/SPLIT/METRIC", and the ends of their 95 % intervals as "..._low",
  /// "..._high". `on_progress` (0..1) may throw.
  nlohmann::ordered_json evaluate(const std::function<void(double)>& on_progress);

  /// The names of the metrics that a run may aim at (StopRule).
  std::vector<std::string> target_names() const;

  /// The grid of fixed prompts and fixed noise, under the same weights as evaluations.
  io::Image sample_grid();

  /// Checkpoint contents: the JSON state, and the binary files written into a directory.
  nlohmann::json state() const;
  void save(const std::filesystem::path& directory) const;
  void restore(const nlohmann::json& state, const std::filesystem::path& directory);

  const denoiser::Model& model() const { return model_; }
  const AdamW& optimizer() const { return optimizer_; }

  /// Components of the judges, in their order.
  std::vector<std::string> judge_names() const { return jury_.judge_names(); }

  /// "a copy of 65792 trained numbers": what the distance to the reference costs; "" without one.
  std::string reference_cost() const;

 private:
  std::vector<io::Prompt> draw_prompts(std::int64_t iteration) const;
  void choose_steps(std::int64_t iteration);
  at::Tensor distance_to_reference(Rollout& rollout);
  policy::Advantages estimate_advantages(const Rollout& rollout, const at::Tensor& distance);
  void check_rollout(const Rollout& rollout) const;
  std::vector<bool> included(const Verdict& verdict, const policy::Advantages& advantages) const;

  TrainConfig config_;
  std::vector<io::Prompt> prompts_;
  denoiser::Model model_;
  diffusion::Transition sampler_;     ///< as the config says
  diffusion::Transition transition_;  ///< of the iteration: the same but for the window
  std::vector<std::int64_t> steps_;   ///< that the iteration trains on
  Jury jury_;
  std::vector<Split> splits_;  ///< of evaluations while training
  tensor::NamedTensors trainable_;
  std::optional<denoiser::Reference> reference_;
  std::optional<Ema> ema_;
  std::vector<policy::AdvantageEstimator> advantages_;  ///< one, or one a reward
  AdamW optimizer_;
  Learner learner_;
  std::int64_t images_total_ = 0;
};

}  // namespace loopline::train
