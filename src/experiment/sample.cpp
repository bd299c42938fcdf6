#include "loopline/experiment/sample.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "loopline/denoiser/sampler.h"
#include "loopline/experiment/target.h"
#include "loopline/tensor/pictures.h"

namespace loopline::experiment {

io::Image sample_images(const SampleRequest& request, run::Progress& progress) {
  Target target = load_target(request.target, request.device, request.threads);
  if (target.run && !request.base) target.load_trained();
  target.override_sampler(request.steps, request.eta, request.guidance);
  const diffusion::Transition transition(target.model.bundle.schedule,
                                         target.model.bundle.prediction_type, target.transition);
  std::vector<io::Prompt> prompts;
  denoiser::SampleRequest rows;
  for (const std::string& text : request.prompts) {
    prompts.push_back(io::make_prompt(text));
    for (std::int64_t k = 0; k < request.count; ++k) {
      rows.draws.push_back(content_draw(Stream::kSample, static_cast<std::uint64_t>(request.seed),
                                        prompts.back(), k));
    }
  }
  rows.guidance = target.transition.guidance;
  rows.micro_batch = std::min(target.micro_batch, static_cast<std::int64_t>(rows.draws.size()));
  rows.conditional = target.model.conditioner->encode(prompts).repeat_interleave(request.count);
  if (rows.guidance != 1) {
    rows.unconditional =
        target.model.conditioner->encode_unconditional(prompts).repeat_interleave(request.count);
  }
  progress.start("sampling", 1);
  rows.on_progress = [&](double fraction) { progress.within(fraction, "sampling"); };
  std::vector<at::Tensor> images;
  for (const at::Tensor& slice :
       denoiser::sample_latents(*target.model.denoiser, transition, rows).split(rows.micro_batch)) {
    images.push_back(target.model.decoder->decode(slice));
  }
  progress.update(1, "");
  progress.finish();
  return tensor::image_grid(at::cat(images), request.count, request.zoom);
}

}  // namespace loopline::experiment
