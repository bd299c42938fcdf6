#include "loopline/bandit_learning/learner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "loopline/core/error.h"
#include "loopline/core/random.h"

namespace loopline::bandit_learning {
namespace {

constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEps = 1e-8;

/// Rows of an epoch in the order in which they are used.
at::Tensor shuffled(std::uint64_t seed, std::int64_t epoch, std::int64_t rows) {
  const std::vector<std::int64_t> order =
      random_permutation({.seed = seed,
                          .stream = Stream::kMinibatchShuffle,
                          .iteration = static_cast<std::uint32_t>(epoch)},
                         rows);
  return at::tensor(order, at::kLong);
}

/// Means over the batches of an epoch.
class TraceSum {
 public:
  void add(const ObjectiveGradient& g) {
    ++batches_;
    sum_.mean_weight += g.mean_weight;
    sum_.mean_weighted += g.mean_weighted;
    sum_.baseline += g.baseline;
    sum_.gradient_variance += g.variance();
    sum_.gradient_norm += std::sqrt(g.squared_norm);
  }
  EpochTrace mean(std::int64_t epoch) const {
    EpochTrace trace = sum_;
    trace.epoch = epoch;
    for (double* value : {&trace.mean_weight, &trace.mean_weighted, &trace.baseline,
                          &trace.gradient_variance, &trace.gradient_norm}) {
      *value /= batches_;
    }
    return trace;
  }

 private:
  double batches_ = 0;
  EpochTrace sum_;
};

}  // namespace

Learner::Learner(LearningRows rows, const NetworkShape& shape, const LearnOptions& options)
    : rows_(std::move(rows)),
      options_(options),
      network_(shape, options.seed),
      first_(at::zeros_like(network_.parameters())),
      second_(at::zeros_like(network_.parameters())) {
  check_rows(rows_, shape, options.objective.kind);
}

std::optional<EpochTrace> Learner::epoch(const std::function<bool()>& stop) {
  const bool has_batches = options_.batch > 0 && options_.batch < rows_.size();
  const std::int64_t step = has_batches ? options_.batch : rows_.size();
  const tensor::NamedTensors before = tensors();
  const nlohmann::json numbers_before = numbers();
  at::Tensor order;
  if (has_batches) order = shuffled(options_.seed, epochs_, rows_.size());
  TraceSum sum;
  for (std::int64_t begin = 0; begin < rows_.size(); begin += step) {
    if (stop && stop()) {
      restore(before, numbers_before);
      return std::nullopt;
    }
    const std::int64_t length = std::min(step, rows_.size() - begin);
    const LearningRows batch = has_batches ? rows_.select(order.narrow(0, begin, length)) : rows_;
    const ObjectiveGradient g =
        objective_gradient(network_, batch, options_.objective, previous_baseline_);
    if (!std::isfinite(g.squared_norm)) {
      throw failure("epoch " + std::to_string(epochs_ + 1), "the gradient is not finite",
                    "lower optimizer.lr, or scale the features");
    }
    ascend(g.gradient);
    previous_baseline_ = g.next_baseline;
    sum.add(g);
  }
  return sum.mean(++epochs_);
}

void Learner::ascend(const at::Tensor& gradient) {
  ++steps_;
  const at::Tensor& parameters = network_.parameters();
  const auto t = static_cast<double>(steps_);
  first_.mul_(kBeta1).add_(gradient, 1 - kBeta1);
  second_.mul_(kBeta2).addcmul_(gradient, gradient, 1 - kBeta2);
  const at::Tensor scale = (second_ / (1 - std::pow(kBeta2, t))).sqrt_().add_(kEps);
  if (options_.weight_decay > 0) parameters.mul_(1 - options_.lr * options_.weight_decay);
  parameters.addcdiv_(first_, scale, options_.lr / (1 - std::pow(kBeta1, t)));
}

tensor::NamedTensors Learner::tensors() const {
  return {{"parameters", network_.parameters().clone()},
          {"adam.first", first_.clone()},
          {"adam.second", second_.clone()}};
}

nlohmann::json Learner::numbers() const {
  nlohmann::json json = {{"epochs", epochs_}, {"steps", steps_}};
  if (previous_baseline_) json["previous_baseline"] = *previous_baseline_;
  return json;
}

void Learner::restore(const tensor::NamedTensors& tensors, const nlohmann::json& numbers) {
  tensor::copy_tensors(
      tensors,
      {{"parameters", network_.parameters()}, {"adam.first", first_}, {"adam.second", second_}},
      "checkpoint");
  epochs_ = numbers.at("epochs").get<std::int64_t>();
  steps_ = numbers.at("steps").get<std::int64_t>();
  previous_baseline_.reset();
  if (numbers.contains("previous_baseline")) {
    previous_baseline_ = numbers.at("previous_baseline").get<double>();
  }
}

Learned learn(LearningRows rows, const NetworkShape& shape, const LearnOptions& options,
              const AfterEpoch& after) {
  Learner learner(std::move(rows), shape, options);
  std::vector<EpochTrace> trace;
  bool goes_on = true;
  while (goes_on && learner.epochs() < options.epochs) {
    trace.push_back(*learner.epoch());
    goes_on = !after || after(learner, trace.back());
  }
  return {learner.network(), std::move(trace)};
}

}  // namespace loopline::bandit_learning
