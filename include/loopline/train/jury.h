#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "loopline/io/prompt.h"
#include "loopline/reward/reward.h"
#include "loopline/reward/reward_sum.h"

namespace loopline::train {

/// What N images were worth.
struct Verdict {
  reward::Scores reward;
  /// Components of all judges under their own names, each [N]; NaN where a judge marked a sample
  /// as invalid.
  std::vector<std::pair<std::string, std::vector<double>>> judges;

  std::int64_t non_finite = 0;   ///< samples set aside, below
  std::string first_non_finite;  ///< what was wrong with the first of them

  /// Lays the verdict on further images behind this one.
  void append(const Verdict& next);

  /// Makes a valid sample invalid, since a number of it is not finite. `what` says which.
  void set_aside(std::size_t sample, const std::string& what);
};

/// Everything that looks at images: the reward that is trained on and the judges that are not.
class Jury {
 public:
  /// Loads all networks. Component names that repeat among the judges are an Error.
  Jury(const reward::RewardPlan& reward, const std::vector<std::string>& judges, at::Device device);

  /// images float32 [N, C, H, W] in [0, 1]; prompts [N]. Samples whose reward is not finite are set
  /// aside.
  Verdict judge(const at::Tensor& images, const std::vector<io::Prompt>& prompts);

  const reward::RewardSum& reward() const { return *reward_; }

  /// The components of all judges, in the order of Verdict::judges.
  std::vector<std::string> judge_names() const;

 private:
  std::unique_ptr<reward::RewardSum> reward_;
  std::vector<std::unique_ptr<reward::Reward>> judges_;
};

/// Judges batches in a thread of its own while the caller draws the next ones: the same calls in
/// the same order as in place, so the same results.
class BackgroundJury {
 public:
  explicit BackgroundJury(Jury& jury);
  /// Waits for the batch in work and forgets the others.
  ~BackgroundJury();

  /// Takes a batch. Throws what an earlier one threw.
  void push(at::Tensor images, std::vector<io::Prompt> prompts);

  /// The verdict on all batches, in the order of `push`; throws what one of them threw. Call it
  /// once, after the last push.
  Verdict finish();

  /// Seconds that the thread has worked, after `finish`.
  double busy_seconds() const;

 private:
  struct Work;
  Jury& jury_;
  std::unique_ptr<Work> work_;
};

}  // namespace loopline::train
