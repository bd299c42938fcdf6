#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "loopline/bandit_learning/gradient.h"
#include "loopline/bandit_learning/network.h"
#include "loopline/bandit_learning/objective.h"
#include "loopline/tensor/tensor_file.h"

namespace loopline::bandit_learning {

struct LearnOptions {
  ObjectiveOptions objective;
  double lr = 0.01;
  double weight_decay = 0;  ///< apart from the gradient: parameters shrink by lr times this a step
  std::int64_t batch = 1024;  ///< rows a step, shuffled; 0: all rows, in order
  std::int64_t epochs = 100;
  std::uint64_t seed = 0;
};

/// What an epoch was like; means over its batches.
struct EpochTrace {
  std::int64_t epoch = 0;        ///< finished ones, from 1
  double mean_weight = 0;        ///< of w, under the policy of the moment
  double mean_weighted = 0;      ///< of w r
  double baseline = 0;           ///< in the gradient
  double gradient_variance = 0;  ///< ObjectiveGradient::variance
  double gradient_norm = 0;      ///< |mean gradient| of a batch
};

/// Learns a softmax policy from logged decisions by Adam (Kingma & Ba 2015; beta .9 and .999, eps
/// 1e-8) on the gradient of an objective. Holds the rows in memory: 8 bytes a number, for DR as
/// many more as there are actions a row. Shuffles are a function of the seed and the epoch, so a
/// learner that is restored goes on bit for bit, with the same number of LibTorch threads.
class Learner {
 public:
  /// Errors: check_rows.
  Learner(LearningRows rows, const NetworkShape& shape, const LearnOptions& options);

  /// One epoch. Nothing when `stop`, which is asked before every batch, says so: then all is as it
  /// was before the epoch. Scores that overflow are an Error (exit 1).
  std::optional<EpochTrace> epoch(const std::function<bool()>& stop = {});

  std::int64_t epochs() const { return epochs_; }
  const SoftmaxNetwork& network() const { return network_; }

  /// All that changes, for a checkpoint: copies of tensors, and numbers.
  tensor::NamedTensors tensors() const;
  nlohmann::json numbers() const;
  void restore(const tensor::NamedTensors& tensors, const nlohmann::json& numbers);

 private:
  void ascend(const at::Tensor& gradient);

  LearningRows rows_;
  LearnOptions options_;
  SoftmaxNetwork network_;
  at::Tensor first_, second_;  ///< Adam's moments, [P]
  std::int64_t epochs_ = 0, steps_ = 0;
  std::optional<double> previous_baseline_;
};

struct Learned {
  SoftmaxNetwork network;
  std::vector<EpochTrace> trace;
};

/// Hears of every epoch; false ends the learning after it.
using AfterEpoch = std::function<bool(const Learner& learner, const EpochTrace& trace)>;

/// All epochs, in memory, without a run directory: for simulations.
Learned learn(LearningRows rows, const NetworkShape& shape, const LearnOptions& options,
              const AfterEpoch& after = {});

}  // namespace loopline::bandit_learning
