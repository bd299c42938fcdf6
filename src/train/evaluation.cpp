#include "loopline/train/evaluation.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "loopline/core/error.h"
#include "loopline/core/log.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/train/image_statistics.h"

namespace loopline::train {
namespace {

void append(MetricValues& metric, const std::vector<double>& values,
            const std::vector<std::int64_t>& prompts) {
  metric.value.insert(metric.value.end(), values.begin(), values.end());
  metric.prompt.insert(metric.prompt.end(), prompts.begin(), prompts.end());
}

void append(SplitValues& values, Verdict verdict, const std::vector<std::int64_t>& prompts) {
  for (std::size_t i = 0; i < verdict.reward.total.size(); ++i) {
    if (!verdict.reward.valid[i]) {
      verdict.reward.total[i] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  append(values["reward"], verdict.reward.total, prompts);
  for (const auto& [name, component] : verdict.judges) append(values[name], component, prompts);
}

}  // namespace

std::vector<Split> read_splits(const std::vector<std::string>& files, std::int64_t max_prompts) {
  std::vector<Split> splits;
  for (const std::string& file : files) {
    Split split{std::filesystem::path(file).stem().string(),
                io::spread(io::read_prompts(file), max_prompts)};
    for (const Split& other : splits) {
      if (other.name == split.name) throw Error(file, "two prompt files are named " + split.name);
    }
    splits.push_back(std::move(split));
  }
  return splits;
}

Draw content_draw(Stream stream, std::uint64_t seed, const io::Prompt& prompt, std::int64_t k) {
  // An odd multiplier keeps different seeds apart before the prompt's key is folded in.
  return {.seed = seed * 0x9E3779B97F4A7C15ULL ^ io::prompt_key(prompt),
          .stream = stream,
          .k = static_cast<std::uint32_t>(k)};
}

SplitValues evaluate_split(denoiser::Model& model, const EvaluationOptions& options,
                           const Split& split, Jury& jury,
                           const std::function<void(std::int64_t)>& on_images) {
  const diffusion::Transition transition(model.bundle.schedule, model.bundle.prediction_type,
                                         options.transition);
  model.conditioner->encode_ahead(split.prompts, options.transition.guidance != 1);
  const std::int64_t copies = options.images_per_prompt;
  // Whole prompts a block, about one micro-batch, so that memory does not grow with the split.
  const std::int64_t block = std::max<std::int64_t>(1, options.micro_batch / copies);
  const auto count = static_cast<std::int64_t>(split.prompts.size());
  SplitValues values;
  for (std::int64_t begin = 0; begin < count; begin += block) {
    const std::int64_t end = std::min(count, begin + block);
    denoiser::SampleRequest request;
    request.guidance = options.transition.guidance;
    request.micro_batch = options.micro_batch;
    denoiser::condition_on(request, *model.conditioner,
                           {split.prompts.begin() + begin, split.prompts.begin() + end}, copies);
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
    Verdict verdict = jury.judge(images, per_image);
    if (verdict.non_finite > 0) {
      log_warning("evaluating " + split.name + ": " + verdict.first_non_finite + "; " +
                  std::to_string(verdict.non_finite) + " such images are left out");
    }
    if (options.on_judged) options.on_judged(images, per_image, verdict);
    append(values, std::move(verdict), prompt_of_image);
    if (copies > 1) {
      std::vector<double> diversity, vendi;
      for (const at::Tensor& group : images.split(copies)) {
        diversity.push_back(mean_pairwise_distance(group));
        vendi.push_back(vendi_score(group));
      }
      append(values["diversity"], diversity, prompt_of_group);
      append(values["vendi"], vendi, prompt_of_group);
    }
    on_images((end - begin) * copies);
  }
  return values;
}

std::map<std::string, stats::Interval> summarize(const SplitValues& values, std::uint64_t seed) {
  std::map<std::string, stats::Interval> summary;
  for (const auto& [name, metric] : values) {
    MetricValues known;
    for (std::size_t i = 0; i < metric.value.size(); ++i) {
      if (std::isnan(metric.value[i])) continue;
      known.value.push_back(metric.value[i]);
      known.prompt.push_back(metric.prompt[i]);
    }
    if (known.value.empty()) continue;
    summary[name] = stats::cluster_bootstrap(known.value, known.prompt, seed);
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

}  // namespace loopline::train
