#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "loopline/core/error.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/experiment/evaluate.h"
#include "loopline/experiment/target.h"

namespace loopline::experiment {
namespace {

/// Mean RMS distance over the pairs of images [K, C, H, W].
double mean_pairwise_distance(const at::Tensor& images) {
  const at::Tensor flat = images.flatten(1).to(at::kDouble);
  const double elements = static_cast<double>(flat.size(1));
  return (at::pdist(flat) / std::sqrt(elements)).mean().item<double>();
}

void append(MetricValues& metric, const std::vector<double>& values,
            const std::vector<std::int64_t>& prompts) {
  metric.value.insert(metric.value.end(), values.begin(), values.end());
  metric.prompt.insert(metric.prompt.end(), prompts.begin(), prompts.end());
}

}  // namespace

SplitValues evaluate_split(denoiser::Model& model, const EvaluationOptions& options,
                           const Split& split, reward::Reward& reward,
                           const std::vector<std::unique_ptr<reward::Reward>>& judges,
                           const std::function<void(std::int64_t)>& on_images) {
  const diffusion::Transition transition(model.bundle.schedule, model.bundle.prediction_type,
                                         options.transition);
  const std::int64_t copies = options.images_per_prompt;
  // Whole prompts a block, about one micro-batch, so that memory does not grow with the split.
  const std::int64_t block = std::max<std::int64_t>(1, options.micro_batch / copies);
  const auto count = static_cast<std::int64_t>(split.prompts.size());
  SplitValues values;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t end = std::min(count, begin + block);
    const std::vector<io::Prompt> prompts(split.prompts.begin() + begin,
                                          split.prompts.begin() + end);
    denoiser::SampleRequest request;
    request.guidance = options.transition.guidance;
    request.micro_batch = options.micro_batch;
    request.conditional = model.conditioner->encode(prompts).repeat_interleave(copies);
    if (request.guidance != 1) {
      request.unconditional =
          model.conditioner->encode_unconditional(prompts).repeat_interleave(copies);
    }
    std::vector<io::Prompt> per_image;
    std::vector<std::int64_t> prompt_of_image, prompt_of_group;
    for (std::int64_t p = begin; p < end; ++p) {
      const io::Prompt& prompt = split.prompts[static_cast<std::size_t>(p)];
      for (std::int64_t k = 0; k < copies; ++k) {
        request.draws.push_back(content_draw(Stream::kEvaluation, options.seed, prompt, k));
      }
      per_image.insert(per_image.end(), static_cast<std::size_t>(copies), prompt);
      prompt_of_image.insert(prompt_of_image.end(), static_cast<std::size_t>(copies), p);
      prompt_of_group.push_back(p);
    }
    const at::Tensor images =
        model.decoder->decode(denoiser::sample_latents(*model.denoiser, transition, request));
    append(values["reward"], reward.score(images, per_image).total, prompt_of_image);
    for (const auto& judge : judges) {
      for (const auto& [name, component] : judge->score(images, per_image).components) {
        append(values[name], component, prompt_of_image);
      }
    }
    if (copies > 1) {
      std::vector<double> diversity;
      for (const at::Tensor& group : images.split(copies)) {
        diversity.push_back(mean_pairwise_distance(group));
      }
      append(values["diversity"], diversity, prompt_of_group);
    }
    on_images((end - begin) * copies);
  }
  return values;
}

std::map<std::string, stats::Interval> summarize(const SplitValues& values, std::uint64_t seed) {
  std::map<std::string, stats::Interval> summary;
  for (const auto& [name, metric] : values) {
    summary[name] = stats::cluster_bootstrap(metric.value, metric.prompt, seed);
  }
  return summary;
}

std::map<std::string, stats::Interval> summarize_gain(const SplitValues& after,
                                                      const SplitValues& before,
                                                      std::uint64_t seed) {
  SplitValues gain = after;
  for (auto& [name, metric] : gain) {
    const std::vector<double>& base = before.at(name).value;
    LOOPLINE_CHECK(base.size() == metric.value.size(), "paired evaluations of different images");
    for (std::size_t i = 0; i < base.size(); ++i) metric.value[i] -= base[i];
  }
  return summarize(gain, seed);
}

}  // namespace loopline::experiment
