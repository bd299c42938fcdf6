#include <ATen/ATen.h>

#include <memory>

#include "loopline/denoiser/exchange.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/tensor/pictures.h"
#include "loopline/train/trainer.h"

namespace loopline::train {
namespace {

/// While it lives, the network is the one that evaluations look at.
std::unique_ptr<denoiser::Exchange> evaluated_weights(const TrainConfig& config,
                                                      const tensor::NamedTensors& trainable,
                                                      const std::optional<Ema>& ema) {
  if (!config.ema.evaluate) return nullptr;
  return std::make_unique<denoiser::Exchange>(trainable, ema->weights());
}

}  // namespace

nlohmann::ordered_json Trainer::evaluate(const std::function<void(double)>& on_progress) {
  const auto weights = evaluated_weights(config_, trainable_, ema_);
  const TrainConfig::Evaluation& evaluation = config_.evaluation;
  const EvaluationOptions options{.transition = evaluation_transition(config_, model_.bundle),
                                  .images_per_prompt = evaluation.images_per_prompt,
                                  .micro_batch = config_.rollout.micro_batch,
                                  .seed = static_cast<std::uint64_t>(evaluation.seed)};
  std::int64_t total = 0, done = 0;
  for (const Split& split : splits_) {
    total += static_cast<std::int64_t>(split.prompts.size()) * evaluation.images_per_prompt;
  }
  nlohmann::ordered_json result;
  for (const Split& split : splits_) {
    const SplitValues values =
        evaluate_split(model_, options, split, jury_, [&](std::int64_t images) {
          done += images;
          on_progress(static_cast<double>(done) / static_cast<double>(total));
        });
    for (const auto& [name, interval] : summarize(values, options.seed)) {
      const std::string key = "eval/" + split.name + "/" + name;
      result[key] = interval.mean;
      result[key + "_low"] = interval.low;
      result[key + "_high"] = interval.high;
    }
  }
  return result;
}

std::vector<std::string> Trainer::target_names() const {
  std::vector<std::string> names{"reward/mean"};
  const std::vector<std::string> judges = jury_.judge_names();
  for (const std::string& judge : judges) names.push_back("judge/" + judge);
  for (const Split& split : splits_) {
    names.push_back("eval/" + split.name + "/reward");
    for (const std::string& judge : judges) names.push_back("eval/" + split.name + "/" + judge);
    names.push_back("eval/" + split.name + "/diversity");
    names.push_back("eval/" + split.name + "/vendi");
  }
  return names;
}

io::Image Trainer::sample_grid() {
  const auto weights = evaluated_weights(config_, trainable_, ema_);
  const std::vector<io::Prompt> prompts = io::spread(prompts_, config_.samples.prompts);
  denoiser::SampleRequest request;
  request.guidance = *config_.sampler.guidance;
  request.micro_batch = config_.rollout.micro_batch;
  request.draws =
      group_draws({.seed = static_cast<std::uint64_t>(config_.seed), .stream = Stream::kSample},
                  prompts.size(), config_.samples.per_prompt);
  denoiser::condition_on(request, *model_.conditioner, prompts, config_.samples.per_prompt);
  std::vector<at::Tensor> images;
  request.on_finished = [&](std::int64_t, const at::Tensor& latents) {
    images.push_back(model_.decoder->decode(latents));
  };
  denoiser::sample_latents(*model_.denoiser, sampler_, request);
  return tensor::image_grid(at::cat(images), config_.samples.per_prompt, config_.samples.zoom);
}

}  // namespace loopline::train
