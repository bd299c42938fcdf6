#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "loopline/denoiser/condition.h"
#include "loopline/denoiser/denoiser.h"
#include "loopline/denoiser/reference.h"
#include "loopline/diffusion/trajectory.h"
#include "loopline/diffusion/transition.h"
#include "loopline/policy/surrogate.h"
#include "loopline/train/adamw.h"
#include "loopline/train/ema.h"
#include "loopline/train/loss_guard.h"
#include "loopline/train/minibatch.h"

namespace loopline::train {

/// What the learner trains on: N samples of one iteration.
struct Experience {
  diffusion::Trajectory trajectory;
  denoiser::Condition conditional;    ///< N rows
  denoiser::Condition unconditional;  ///< N rows; unused when guidance is 1
  std::vector<double> advantage;      ///< [N]
  std::vector<bool> included{};       ///< [N], samples that are trained on; empty: all
  std::int64_t group_size = 1;
  std::vector<std::int64_t> steps{};  ///< that are trained on; empty: all that have a density
};

struct LearnerOptions {
  policy::SurrogateOptions surrogate;
  double guidance = 1;
  std::int64_t updates_per_epoch = 4;
  std::int64_t inner_epochs = 1;
  bool whole_samples = false;
  double timestep_fraction = 1;
  std::int64_t shards = 1;
  std::int64_t micro_batch = 64;
  std::uint64_t seed = 0;
  std::optional<double> loss_spike{};  ///< of LossGuard
  double kl_weight = 0;                ///< of the divergence from the reference in the loss
  /// What the loss of each step with a density counts; divided by their mean. Empty: all alike.
  std::vector<double> step_weights{};
};

/// Means over the pairs of an iteration whose minibatch was finite, unless said otherwise; NaN when
/// none was.
struct UpdateStatistics {
  std::int64_t samples = 0;     ///< trained on
  std::int64_t updates = 0;     ///< minibatches; 0 when no sample was included
  std::int64_t non_finite = 0;  ///< of them, not applied: their gradient was not finite
  std::int64_t spikes = 0;      ///< of them, not applied: their loss stood out
  double loss = 0;
  double clip_fraction_high = 0;  ///< share of pairs with A > 0 beyond the upper clip
  double clip_fraction_low = 0;   ///< share of pairs with A < 0 beyond the lower clip
  double approx_kl = 0;           ///< k3 against the sampling policy, of the mean log-probability
  double ratio_deviation = 0;     ///< largest |rho - 1| before the first update: 0 when exact
  double grad_norm = 0;           ///< mean over finite updates, before clipping
  double grad_rms_over_eps = 0;   ///< root mean square of a gradient's element over AdamW's eps
  double reference_kl = 0;        ///< from the reference, a pair; 0 when it is not in the loss
};

/// How much of one step's gradient is signal (Learner::gradient_signal).
struct StepSignal {
  std::int64_t step = 0;
  double signal = 0;  ///< squared norm of the expected gradient; an unbiased estimate, may be < 0
  double noise = 0;   ///< expected squared distance of the whole iteration's gradient from it
};

/// Turns experience into updates of the trainable parameters.
class Learner {
 public:
  /// `reference` is needed with a kl_weight; `average` follows the updates where there is one.
  Learner(denoiser::Denoiser& denoiser, const diffusion::Transition& transition, AdamW& optimizer,
          const LearnerOptions& options, denoiser::Reference* reference = nullptr,
          Ema* average = nullptr);

  /// All updates of one iteration (0-based). The loss of a minibatch is the sum over its pairs
  /// divided by their number, however it is cut into micro-batches.
  UpdateStatistics update(const Experience& experience, std::int64_t iteration, double lr,
                          const std::function<void(double)>& on_progress = {});

  /// Signal and noise of the gradient of every trained step, before any update: the samples are cut
  /// into parts of whole groups, and what the parts' gradients have in common is signal. One
  /// forward and backward a pair; changes nothing.
  std::vector<StepSignal> gradient_signal(const Experience& experience);

  /// The guard against loss spikes, when there is one.
  std::optional<LossGuard>& guard() { return guard_; }
  const std::optional<LossGuard>& guard() const { return guard_; }

 private:
  struct Sums;
  Sums accumulate(const Experience& experience, const std::vector<Pair>& minibatch, bool first);
  bool apply(const Sums& minibatch, double lr);
  std::vector<std::int64_t> steps_of(const Experience& experience) const;

  denoiser::Denoiser& denoiser_;
  const diffusion::Transition& transition_;
  AdamW& optimizer_;
  LearnerOptions options_;
  denoiser::Reference* reference_;
  Ema* average_;
  std::vector<float> step_weight_;  ///< [num_steps]
  std::optional<LossGuard> guard_;
};

}  // namespace loopline::train
