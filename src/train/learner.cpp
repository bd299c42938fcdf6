#include "loopline/train/learner.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "gradient_moments.h"
#include "loopline/core/error.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/policy/kl.h"
#include "loopline/tensor/upload.h"

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

/// The rows of one forward, as tensors on the device.
struct Rows {
  at::Tensor host_sample, host_step;
  at::Tensor sample, step;
  at::Tensor real;    ///< 1, or 0 for rows that only fill up the forward
  at::Tensor weight;  ///< what their loss counts
};

Rows gather(const std::vector<Pair>& minibatch, const std::vector<std::int64_t>& positions,
            std::int64_t valid, const std::vector<float>& step_weight, at::Device device) {
  std::vector<std::int64_t> sample, step;
  std::vector<float> real, weight;
  for (const std::int64_t position : positions) {
    const Pair& pair = minibatch[static_cast<std::size_t>(position)];
    sample.push_back(pair.sample);
    step.push_back(pair.step);
    real.push_back(static_cast<std::int64_t>(real.size()) < valid ? 1.0F : 0.0F);
    weight.push_back(real.back() * step_weight[static_cast<std::size_t>(pair.step)]);
  }
  Rows rows;
  rows.host_sample = at::tensor(sample, at::kLong);
  rows.host_step = at::tensor(step, at::kLong);
  rows.sample = tensor::upload(rows.host_sample, device);
  rows.step = tensor::upload(rows.host_step, device);
  rows.real = tensor::upload(at::tensor(real, at::kFloat), device);
  rows.weight = tensor::upload(at::tensor(weight, at::kFloat), device);
  return rows;
}

/// The latents `later` steps after those of the rows, wherever the trajectory is kept.
at::Tensor latents_at(const diffusion::Trajectory& trajectory, const Rows& rows, std::int64_t later,
                      at::Device device) {
  const at::Device kept = trajectory.latents.device();
  return tensor::upload(trajectory.latents.index({tensor::upload(rows.host_sample, kept),
                                                  tensor::upload(rows.host_step + later, kept)}),
                        device);
}

/// One weight for each of `num_steps` steps, of mean 1 over those with a density.
std::vector<float> spread_weights(const std::vector<double>& weights,
                                  const std::vector<std::int64_t>& stochastic,
                                  std::int64_t num_steps) {
  std::vector<float> result(static_cast<std::size_t>(num_steps), 1.0F);
  if (weights.empty()) return result;
  LOOPLINE_CHECK(weights.size() == stochastic.size(), "one weight a step with a density");
  double mean = 0;
  for (const double weight : weights) mean += weight / static_cast<double>(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    result[static_cast<std::size_t>(stochastic[i])] = static_cast<float>(weights[i] / mean);
  }
  return result;
}

}  // namespace

/// Sums over pairs, on the device; read once at the end of the iteration.
struct Learner::Sums {
  at::Tensor loss, high, low, kl, reference_kl, deviation, grad_norm, pairs, finite;

  explicit Sums(at::Device device) {
    const at::Tensor zero = at::zeros({}, at::TensorOptions(at::kFloat).device(device));
    for (at::Tensor* sum :
         {&loss, &high, &low, &kl, &reference_kl, &deviation, &grad_norm, &pairs, &finite}) {
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
    reference_kl += kept(minibatch.reference_kl);
    deviation = at::maximum(deviation, kept(minibatch.deviation));
    grad_norm += kept(minibatch.grad_norm);
    pairs += kept(minibatch.pairs);
    finite += usable;
  }
};

Learner::Learner(denoiser::Denoiser& denoiser, const diffusion::Transition& transition,
                 AdamW& optimizer, const LearnerOptions& options, denoiser::Reference* reference,
                 Ema* average)
    : denoiser_(denoiser),
      transition_(transition),
      optimizer_(optimizer),
      options_(options),
      reference_(reference),
      average_(average),
      step_weight_(spread_weights(options.step_weights, transition.stochastic_steps(),
                                  transition.num_steps())) {
  LOOPLINE_CHECK(options.kl_weight == 0 || reference != nullptr, "KL needs a reference");
  if (options.loss_spike) guard_.emplace(*options.loss_spike);
}

/// Adds the gradient of a minibatch to the parameters'. `first`: nothing has been updated yet.
Learner::Sums Learner::accumulate(const Experience& experience, const std::vector<Pair>& minibatch,
                                  bool first) {
  Sums sums(denoiser_.device());
  const at::Device device = denoiser_.device();
  const diffusion::Trajectory& trajectory = experience.trajectory;
  const at::Tensor advantages =
      tensor::upload(at::tensor(experience.advantage, at::kDouble).to(at::kFloat), device);
  const auto chunks = chunk(minibatch, options_.micro_batch, !denoiser_.spec().timestep.per_sample);

  for (std::size_t c = 0; c < chunks.rows.size(); ++c) {
    const Rows rows = gather(minibatch, chunks.rows[c], chunks.valid[c], step_weight_, device);
    const at::Tensor current = latents_at(trajectory, rows, 0, device);
    const at::Tensor next = latents_at(trajectory, rows, 1, device);
    const at::Tensor old = trajectory.log_prob.index({rows.sample, rows.step});

    const at::Tensor timesteps = transition_.timesteps(rows.step);
    const denoiser::Condition conditional = experience.conditional.select(rows.sample);
    const denoiser::Condition unconditional = experience.unconditional.select(rows.sample);
    at::Tensor reference_mean;
    if (options_.kl_weight > 0) {
      reference_mean =
          transition_.mean(current,
                           reference_->predict_guided(current, timesteps, conditional,
                                                      unconditional, options_.guidance),
                           rows.step);
    }
    const at::Tensor output = denoiser::predict_guided(denoiser_, current, timesteps, conditional,
                                                       unconditional, options_.guidance);
    const at::Tensor mean = transition_.mean(current, output, rows.step);
    const at::Tensor log_prob = transition_.log_prob(next, mean, rows.step);
    const policy::Surrogate terms = policy::surrogate(
        log_prob, old, advantages.index_select(0, rows.sample), options_.surrogate);

    at::Tensor pair_loss = terms.loss;
    if (options_.kl_weight > 0) {
      const at::Tensor kl =
          policy::gaussian_kl(mean, reference_mean, transition_.noise_sigma(rows.step));
      pair_loss = pair_loss + options_.kl_weight * kl;
      sums.reference_kl += (kl.detach() * rows.real).sum();
    }
    const at::Tensor loss = (pair_loss * rows.weight).sum() / static_cast<double>(minibatch.size());
    loss.backward();

    sums.loss += (pair_loss.detach() * rows.weight).sum();
    sums.high += (terms.clipped_high * rows.real).sum();
    sums.low += (terms.clipped_low * rows.real).sum();
    sums.kl += (policy::kl_k3(terms.log_ratio) * rows.real).sum();
    if (first) {
      sums.deviation =
          at::maximum(sums.deviation, (at::expm1(terms.log_ratio).abs() * rows.real).max());
    }
  }
  sums.pairs += static_cast<double>(minibatch.size());
  return sums;
}

/// One optimiser step, unless the loss stands out.
bool Learner::apply(const Sums& minibatch, double lr) {
  if (guard_ && !guard_->accepts((minibatch.loss / minibatch.pairs).item<double>())) return false;
  optimizer_.step(lr, minibatch.loss);
  if (average_ != nullptr) average_->update();
  return true;
}

std::vector<std::int64_t> Learner::steps_of(const Experience& experience) const {
  return experience.steps.empty() ? transition_.stochastic_steps() : experience.steps;
}

std::vector<StepSignal> Learner::gradient_signal(const Experience& experience) {
  const auto samples = static_cast<std::int64_t>(experience.advantage.size());
  const std::int64_t groups = samples / experience.group_size;
  const std::int64_t parts =
      std::min(groups, std::max<std::int64_t>(2, samples / options_.micro_batch));
  std::vector<StepSignal> signals;
  for (const std::int64_t step : steps_of(experience)) {
    GradientMoments moments;
    for (std::int64_t part = 0; part < parts; ++part) {
      std::vector<Pair> pairs;
      for (std::int64_t sample = part * groups / parts * experience.group_size;
           sample < (part + 1) * groups / parts * experience.group_size; ++sample) {
        const bool included =
            experience.included.empty() || experience.included[static_cast<std::size_t>(sample)];
        if (included) pairs.push_back({sample, step});
      }
      if (pairs.empty()) continue;
      optimizer_.zero_grad();
      accumulate(experience, pairs, false);
      moments.add(optimizer_.parameters());
    }
    signals.push_back({step, moments.signal(), moments.noise()});
  }
  optimizer_.zero_grad();
  return signals;
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
                          .steps = steps_of(experience),
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
  statistics.reference_kl = sums.reference_kl.item<double>() / pairs;
  statistics.grad_rms_over_eps = statistics.grad_norm /
                                 std::sqrt(static_cast<double>(optimizer_.parameter_count())) /
                                 optimizer_.options().eps;
  return statistics;
}

}  // namespace loopline::train
