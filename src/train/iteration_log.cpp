#include "iteration_log.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "loopline/stats/moments.h"
#include "loopline/train/image_statistics.h"

namespace loopline::train {
namespace {

/// Over valid samples, and over values that exist.
stats::Moments moments(const std::vector<double>& values, const std::vector<bool>& valid) {
  stats::Moments result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (valid[i] && !std::isnan(values[i])) result.add(values[i]);
  }
  return result;
}

}  // namespace

void log_rewards(nlohmann::ordered_json& metrics, const Verdict& verdict) {
  const reward::Scores& reward = verdict.reward;
  const stats::Moments total = moments(reward.total, reward.valid);
  metrics["reward/mean"] = total.mean();
  metrics["reward/std"] = std::sqrt(total.population_variance());
  if (reward.components.size() > 1) {
    for (const auto& [name, values] : reward.components) {
      metrics["reward/" + name] = moments(values, reward.valid).mean();
    }
  }
  const std::vector<bool> all(reward.total.size(), true);
  for (const auto& [name, values] : verdict.judges) {
    const stats::Moments judged = moments(values, all);
    metrics["judge/" + name] = judged.mean();
    metrics["judge/" + name + "_std"] = std::sqrt(judged.population_variance());
  }
}

void log_images(nlohmann::ordered_json& metrics, const at::Tensor& images,
                std::int64_t group_size) {
  for (const auto& [name, values] : image_statistics(images)) {
    metrics["image/" + name] = values.mean().item<double>();
    metrics["image/" + name + "_std"] = values.std(/*unbiased=*/false).item<double>();
  }
  if (group_size > 1) metrics["image/diversity"] = diversity_within_groups(images, group_size);
}

void log_distance(nlohmann::ordered_json& metrics, const at::Tensor& distance,
                  const Rollout& rollout, const TrainConfig::Kl& options) {
  if (!distance.defined()) return;
  const std::vector<bool>& all = rollout.verdict.reward.valid;
  const std::vector<bool> valid(all.begin(), all.begin() + distance.size(0));
  const at::Tensor sums = distance.sum(1);
  const double* sum = sums.const_data_ptr<double>();
  const double an_image = moments({sum, sum + sums.numel()}, valid).mean();
  const at::Tensor& latents = rollout.experience.trajectory.latents;
  const auto elements = static_cast<double>(latents.numel() / latents.size(0) / latents.size(1));
  metrics["kl/mean"] = an_image / static_cast<double>(rollout.experience.steps.size());
  metrics["kl/nats"] = an_image * elements;
  if (options.reward > 0) metrics["kl/penalty"] = options.reward * an_image;
}

void log_gradient_signal(nlohmann::ordered_json& metrics, const std::vector<StepSignal>& signals) {
  double total = 0;
  for (const StepSignal& step : signals) total += std::max(step.signal, 0.0);
  for (const StepSignal& step : signals) {
    char suffix[24];
    std::snprintf(suffix, sizeof suffix, "_step_%02lld", static_cast<long long>(step.step));
    metrics[std::string("gradient/snr") + suffix] = step.signal / step.noise;
    metrics[std::string("gradient/share") + suffix] = std::max(step.signal, 0.0) / total;
  }
}

void log_advantages(nlohmann::ordered_json& metrics, const policy::Advantages& advantages) {
  metrics["groups/zero_variance"] = advantages.zero_variance_groups;
  metrics["groups/buffered"] = advantages.buffered_groups;
  metrics["samples/invalid"] = advantages.invalid;
}

void log_update(nlohmann::ordered_json& metrics, const UpdateStatistics& update) {
  metrics["samples/trained"] = update.samples;
  metrics["policy/updates"] = update.updates;
  metrics["policy/loss"] = update.loss;
  metrics["policy/clip_fraction_high"] = update.clip_fraction_high;
  metrics["policy/clip_fraction_low"] = update.clip_fraction_low;
  metrics["policy/approx_kl"] = update.approx_kl;
  metrics["policy/ratio_deviation"] = update.ratio_deviation;
  metrics["optim/grad_norm"] = update.grad_norm;
  metrics["optim/grad_rms_over_eps"] = update.grad_rms_over_eps;
}

std::vector<nlohmann::ordered_json> sample_lines(const Rollout& rollout, std::int64_t iteration) {
  std::vector<nlohmann::ordered_json> lines;
  const reward::Scores& reward = rollout.verdict.reward;
  for (std::size_t i = 0; i < rollout.image_prompts.size(); ++i) {
    const io::Prompt& prompt = rollout.image_prompts[i];
    const double missing = std::numeric_limits<double>::quiet_NaN();
    nlohmann::ordered_json line{{"iteration", iteration},
                                {"sample", i},
                                {"prompt", prompt.text},
                                {"prompt_id", prompt.id},
                                {"seed", rollout.draws[i].seed},
                                {"slot", rollout.draws[i].slot},
                                {"k", rollout.draws[i].k},
                                {"reward", reward.valid[i] ? reward.total[i] : missing},
                                {"advantage", rollout.experience.advantage[i]}};
    for (const auto& [name, values] : reward.components) {
      line["reward/" + name] = reward.valid[i] ? values[i] : missing;
    }
    for (const auto& [name, values] : rollout.verdict.judges) line["judge/" + name] = values[i];
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace loopline::train
