#include "loopline/train/rollout.h"

#include <ATen/ATen.h>

#include "loopline/denoiser/sampler.h"

namespace loopline::train {

std::vector<Draw> group_draws(Draw place, std::size_t groups, std::int64_t group_size) {
  std::vector<Draw> draws;
  for (std::size_t slot = 0; slot < groups; ++slot) {
    for (std::int64_t k = 0; k < group_size; ++k) {
      place.slot = static_cast<std::uint32_t>(slot);
      place.k = static_cast<std::uint32_t>(k);
      draws.push_back(place);
    }
  }
  return draws;
}

namespace {

/// A path that is not finite has no density to learn from, whatever its image was worth.
void set_aside_non_finite_paths(Rollout& rollout) {
  const diffusion::Trajectory& trajectory = rollout.experience.trajectory;
  const at::Tensor finite =
      trajectory.latents.isfinite().flatten(1).all(1).to(at::kCPU).logical_and(
          trajectory.log_prob.isfinite().all(1).to(at::kCPU));
  const bool* flags = finite.const_data_ptr<bool>();
  for (std::size_t i = 0; i < rollout.image_prompts.size(); ++i) {
    if (flags[i]) continue;
    rollout.verdict.set_aside(
        i, "the latents of an image of \"" + rollout.image_prompts[i].text + "\" are not finite");
  }
}

}  // namespace

Rollout roll_out(denoiser::Model& model, const diffusion::Transition& transition, Jury& jury,
                 const std::vector<io::Prompt>& group_prompts, const RolloutOptions& options,
                 const std::function<void(double)>& on_progress) {
  Rollout rollout;
  rollout.iteration = options.iteration;
  for (const io::Prompt& prompt : group_prompts) {
    rollout.image_prompts.insert(rollout.image_prompts.end(),
                                 static_cast<std::size_t>(options.group_size), prompt);
  }
  rollout.draws = group_draws({.seed = options.seed,
                               .stream = Stream::kRollout,
                               .iteration = static_cast<std::uint32_t>(options.iteration)},
                              group_prompts.size(), options.group_size);

  denoiser::SampleRequest request;
  request.guidance = options.guidance;
  request.draws = rollout.draws;
  request.micro_batch = options.micro_batch;
  request.latents_on_host = options.latents_on_host;
  request.on_progress = on_progress;
  denoiser::condition_on(request, *model.conditioner, group_prompts, options.group_size);

  BackgroundJury background(jury);
  std::vector<at::Tensor> images;
  request.on_finished = [&](std::int64_t begin, const at::Tensor& latents) {
    images.push_back(model.decoder->decode(latents));
    const auto first = rollout.image_prompts.begin() + begin;
    background.push(images.back(), {first, first + latents.size(0)});
  };
  rollout.experience.trajectory =
      denoiser::sample_trajectories(*model.denoiser, transition, request);
  rollout.experience.conditional = std::move(request.conditional);
  rollout.experience.unconditional = std::move(request.unconditional);
  rollout.experience.group_size = options.group_size;
  rollout.images = at::cat(images);
  rollout.verdict = background.finish();
  rollout.judging_seconds = background.busy_seconds();
  set_aside_non_finite_paths(rollout);
  return rollout;
}

}  // namespace loopline::train
