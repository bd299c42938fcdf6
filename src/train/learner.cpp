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

/// Sums on the device, read once at the end of the iteration.
struct Learner::Sums {
  at::Tensor loss, high, low, kl, deviation, grad_norm;
  std::int64_t pairs = 0, updates = 0;

  explicit Sums(at::Device device) {
    const at::Tensor zero = at::zeros({}, at::TensorOptions(at::kFloat).device(device));
    for (at::Tensor* sum : {&loss, &high, &low, &kl, &deviation, &grad_norm}) *sum = zero.clone();
  }
};

Learner::Learner(denoiser::Denoiser& denoiser, const diffusion::Transition& transition,
                 AdamW& optimizer, const LearnerOptions& options)
    : denoiser_(denoiser), transition_(transition), optimizer_(optimizer), options_(options) {}

void Learner::accumulate(const Experience& experience, const std::vector<Pair>& minibatch,
                         Sums& sums) {
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
    if (sums.updates == 0) {
      sums.deviation =
          at::maximum(sums.deviation, (at::expm1(terms.log_ratio).abs() * rows.weight).max());
    }
  }
  sums.pairs += static_cast<std::int64_t>(minibatch.size());
}

UpdateStatistics Learner::update(const Experience& experience, std::int64_t iteration, double lr,
                                 const std::function<void(double)>& on_progress) {
  Sums sums(denoiser_.device());
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
      accumulate(experience, minibatch, sums);
      optimizer_.step(lr);
      sums.grad_norm += optimizer_.last_grad_norm();
      ++sums.updates;
      if (on_progress) {
        on_progress(static_cast<double>(sums.updates) / static_cast<double>(total));
      }
    }
  }
  optimizer_.zero_grad();

  UpdateStatistics statistics;
  if (sums.updates == 0) return statistics;
  const auto mean = [&](const at::Tensor& sum) {
    return sum.item<double>() / static_cast<double>(sums.pairs);
  };
  const auto& included = experience.included;
  statistics.samples = included.empty() ? static_cast<std::int64_t>(experience.advantage.size())
                                        : std::count(included.begin(), included.end(), true);
  statistics.updates = sums.updates;
  statistics.loss = mean(sums.loss);
  statistics.clip_fraction_high = mean(sums.high);
  statistics.clip_fraction_low = mean(sums.low);
  statistics.approx_kl = mean(sums.kl);
  statistics.ratio_deviation = sums.deviation.item<double>();
  statistics.grad_norm = sums.grad_norm.item<double>() / static_cast<double>(sums.updates);
  statistics.grad_rms_over_eps = statistics.grad_norm /
                                 std::sqrt(static_cast<double>(optimizer_.parameter_count())) /
                                 optimizer_.options().eps;
  return statistics;
}

}  // namespace loopline::train
