#include "loopline/train/learner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "loopline/denoiser/sampler.h"
#include "loopline/policy/kl.h"

namespace loopline::train {
namespace {

/// Positions in a minibatch, cut into chunks that one forward can take: any pairs together, or, for
/// a network with one timestep a batch, pairs of the same step.
denoiser::PaddedChunks chunk(const std::vector<Pair>& minibatch, std::int64_t rows, bool by_step) {
  std::map<std::int64_t, std::vector<std::int64_t>> positions;
  for (std::size_t i = 0; i < minibatch.size(); ++i) {
    positions[by_step ? minibatch[i].step : 0].push_back(static_cast<std::int64_t>(i));
  }
  denoiser::PaddedChunks chunks;
  for (const auto& [step, list] : positions) {
    const denoiser::PaddedChunks part = denoiser::padded_chunks(list, rows);
    chunks.rows.insert(chunks.rows.end(), part.rows.begin(), part.rows.end());
    chunks.valid.insert(chunks.valid.end(), part.valid.begin(), part.valid.end());
  }
  return chunks;
}

/// The rows of one forward, as index tensors on the device.
struct Rows {
  at::Tensor sample, step, weight;
};

Rows gather(const std::vector<Pair>& minibatch, const std::vector<std::int64_t>& positions,
            std::int64_t valid, at::Device device) {
  std::vector<std::int64_t> sample, step;
  std::vector<float> weight;
  for (const std::int64_t position : positions) {
    const Pair& pair = minibatch[static_cast<std::size_t>(position)];
    sample.push_back(pair.sample);
    step.push_back(pair.step);
    weight.push_back(static_cast<std::int64_t>(weight.size()) < valid ? 1.0F : 0.0F);
  }
  return {at::tensor(sample, at::kLong).to(device), at::tensor(step, at::kLong).to(device),
          at::tensor(weight, at::kFloat).to(device)};
}

}  // namespace

/// Sums over pairs, on the device; read once at the end of the iteration.
struct Learner::Sums {
  at::Tensor loss, high, low, kl, deviation, grad_norm, pairs, finite;

  explicit Sums(at::Device device) {
    const at::Tensor zero = at::zeros({}, at::TensorOptions(at::kFloat).device(device));
    for (at::Tensor* sum : {&loss, &high, &low, &kl, &deviation, &grad_norm, &pairs, &finite}) {
      *sum = zero.clone();
    }
  }

  /// Adds a minibatch if it was `usable` (0-dim bool).
  void add(const Sums& minibatch, const at::Tensor& usable) {
    const auto kept = [&](const at::Tensor& sum) {
      return at::where(usable, sum, at::zeros_like(sum));
    };
    loss += kept(minibatch.loss);
    high += kept(minibatch.high);
    low += kept(minibatch.low);
    kl += kept(minibatch.kl);
    deviation = at::maximum(deviation, kept(minibatch.deviation));
    grad_norm += kept(minibatch.grad_norm);
    pairs += kept(minibatch.pairs);
    finite += usable;
  }
};

Learner::Learner(denoiser::Denoiser& denoiser, const diffusion::Transition& transition,
                 AdamW& optimizer, const LearnerOptions& options)
    : denoiser_(denoiser), transition_(transition), optimizer_(optimizer), options_(options) {
  if (options.loss_spike) guard_.emplace(*options.loss_spike);
}

/// Adds the gradient of a minibatch to the parameters'. `first`: nothing has been updated yet.
Learner::Sums Learner::accumulate(const Experience& experience, const std::vector<Pair>& minibatch,
                                  bool first) {
  Sums sums(denoiser_.device());
  const at::Device device = denoiser_.device();
  const diffusion::Trajectory& trajectory = experience.trajectory;
  const at::Tensor latents = trajectory.latents.flatten(0, 1);
  const at::Tensor old_log_prob = trajectory.log_prob.flatten();
  const std::int64_t steps = transition_.num_steps();
  const at::Tensor advantages =
      at::tensor(experience.advantage, at::kDouble).to(device, at::kFloat);
  const auto chunks = chunk(minibatch, options_.micro_batch, !denoiser_.spec().timestep.per_sample);

  for (std::size_t c = 0; c < chunks.rows.size(); ++c) {
    const Rows rows = gather(minibatch, chunks.rows[c], chunks.valid[c], device);
    const at::Tensor position = rows.sample * (steps + 1) + rows.step;
    const at::Tensor current = latents.index_select(0, position);
    const at::Tensor next = latents.index_select(0, position + 1);
    const at::Tensor old = old_log_prob.index_select(0, rows.sample * steps + rows.step);

    const at::Tensor output =
        denoiser::predict_guided(denoiser_, current, transition_.timesteps(rows.step),
                                 experience.conditional.select(rows.sample),
                                 experience.unconditional.select(rows.sample), options_.guidance);
    const at::Tensor mean = transition_.mean(current, output, rows.step);
    const at::Tensor log_prob = transition_.log_prob(next, mean, rows.step);
    const policy::Surrogate terms = policy::surrogate(
        log_prob, old, advantages.index_select(0, rows.sample), options_.surrogate);

    const at::Tensor loss =
        (terms.loss * rows.weight).sum() / static_cast<double>(minibatch.size());
    loss.backward();

    sums.loss += (terms.loss.detach() * rows.weight).sum();
    sums.high += (terms.clipped_high * rows.weight).sum();
    sums.low += (terms.clipped_low * rows.weight).sum();
    sums.kl += (policy::kl_k3(terms.log_ratio) * rows.weight).sum();
    if (first) {
      sums.deviation =
          at::maximum(sums.deviation, (at::expm1(terms.log_ratio).abs() * rows.weight).max());
    }
  }
  sums.pairs += static_cast<double>(minibatch.size());
  return sums;
}

/// One optimiser step, unless the loss stands out.
bool Learner::apply(const Sums& minibatch, double lr) {
  if (guard_ && !guard_->accepts((minibatch.loss / minibatch.pairs).item<double>())) return false;
  optimizer_.step(lr, minibatch.loss);
  return true;
}

UpdateStatistics Learner::update(const Experience& experience, std::int64_t iteration, double lr,
                                 const std::function<void(double)>& on_progress) {
  Sums sums(denoiser_.device());
  UpdateStatistics statistics;
  const std::int64_t total = options_.inner_epochs * options_.updates_per_epoch;
  for (std::int64_t epoch = 0; epoch < options_.inner_epochs; ++epoch) {
    const auto minibatches =
        make_minibatches({.seed = options_.seed,
                          .iteration = iteration,
                          .epoch = epoch,
                          .samples = static_cast<std::int64_t>(experience.advantage.size()),
                          .group_size = experience.group_size,
                          .steps = transition_.stochastic_steps(),
                          .timestep_fraction = options_.timestep_fraction,
                          .whole_samples = options_.whole_samples,
                          .shards = options_.shards,
                          .minibatches = options_.updates_per_epoch,
                          .included = experience.included});
    for (const std::vector<Pair>& minibatch : minibatches) {
      optimizer_.zero_grad();
      Sums own = accumulate(experience, minibatch, statistics.updates == 0);
      ++statistics.updates;
      if (apply(own, lr)) {
        own.grad_norm = optimizer_.last_grad_norm();
        sums.add(own, optimizer_.last_finite());
      } else {
        ++statistics.spikes;
      }
      if (on_progress) {
        on_progress(static_cast<double>(statistics.updates) / static_cast<double>(total));
      }
    }
  }
  optimizer_.zero_grad();

  if (statistics.updates == 0) return statistics;
  const double pairs = sums.pairs.item<double>(), finite = sums.finite.item<double>();
  const auto& included = experience.included;
  statistics.samples = included.empty() ? static_cast<std::int64_t>(experience.advantage.size())
                                        : std::count(included.begin(), included.end(), true);
  statistics.non_finite =
      statistics.updates - statistics.spikes - static_cast<std::int64_t>(finite);
  statistics.loss = sums.loss.item<double>() / pairs;
  statistics.clip_fraction_high = sums.high.item<double>() / pairs;
  statistics.clip_fraction_low = sums.low.item<double>() / pairs;
  statistics.approx_kl = sums.kl.item<double>() / pairs;
  statistics.ratio_deviation = sums.deviation.item<double>();
  statistics.grad_norm = sums.grad_norm.item<double>() / finite;
  statistics.grad_rms_over_eps = statistics.grad_norm /
                                 std::sqrt(static_cast<double>(optimizer_.parameter_count())) /
                                 optimizer_.options().eps;
  return statistics;
}

}  // namespace loopline::train
