#include "loopline/experiment/sample.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "loopline/core/error.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/experiment/target.h"
#include "loopline/tensor/pictures.h"
#include "loopline/train/evaluation.h"

namespace loopline::experiment {
namespace {

/// Shows small images at a size to be looked at.
std::int64_t legible_zoom(const io::ImageSpec& image) {
  constexpr std::int64_t kLegible = 128;
  return std::max<std::int64_t>(1, kLegible / std::min(image.height, image.width));
}

}  // namespace

io::Image sample_images(const SampleRequest& request, run::Progress& progress) {
  Target target = load_target(request.target, request.device, request.threads);
  if ((target.run && !request.base) || request.weights != train::WeightsChoice{}) {
    target.load_trained(request.weights);
  }
  target.override_sampler(request.steps, request.eta, request.guidance);
  const diffusion::Transition transition(target.model.bundle.schedule,
                                         target.model.bundle.prediction_type, target.transition);
  std::vector<io::Prompt> prompts = request.prompts;
  if (prompts.empty()) {
    if (io::needs_prompts(target.model.bundle)) {
      throw Error(request.target.string(), "draws what a prompt says",
                  "give --prompt TEXT or --prompts FILE");
    }
    prompts.push_back(io::make_prompt(""));
  }
  denoiser::SampleRequest rows;
  for (const io::Prompt& prompt : prompts) {
    for (std::int64_t k = 0; k < request.count; ++k) {
      rows.draws.push_back(train::content_draw(
          Stream::kSample, static_cast<std::uint64_t>(request.seed), prompt, k));
    }
  }
  rows.guidance = target.transition.guidance;
  rows.micro_batch = std::min(target.micro_batch, static_cast<std::int64_t>(rows.draws.size()));
  denoiser::condition_on(rows, *target.model.conditioner, prompts, request.count);
  progress.start("sampling", 1);
  rows.on_progress = [&](double fraction) { progress.within(fraction, "sampling"); };
  std::vector<at::Tensor> images;
  rows.on_finished = [&](std::int64_t, const at::Tensor& latents) {
    images.push_back(target.model.decoder->decode(latents));
  };
  denoiser::sample_latents(*target.model.denoiser, transition, rows);
  progress.update(1, "");
  progress.finish();
  return tensor::image_grid(at::cat(images), request.count,
                            request.zoom.value_or(legible_zoom(target.model.bundle.image)));
}

}  // namespace loopline::experiment
