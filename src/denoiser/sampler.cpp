#include "loopline/denoiser/sampler.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <numeric>

#include "loopline/core/error.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/noise.h"
#include "loopline/tensor/upload.h"

namespace loopline::denoiser {
namespace {

std::vector<std::int64_t> latent_shape(const Denoiser& denoiser) {
  const io::LatentSpec& latent = denoiser.spec().latent;
  return {latent.channels, latent.height, latent.width};
}

/// What a visitor sees after each step of one chunk: the padded rows' new latents and log p.
using Visit =
    std::function<void(const std::vector<std::int64_t>& rows, std::int64_t valid, std::int64_t step,
                       const at::Tensor& latents, const at::Tensor& log_prob)>;

/// Walks every chunk from noise to result. `visit` is first called with step 0 and the initial
/// latents (no log p), then with step i + 1 after transition i.
void walk(Denoiser& denoiser, const diffusion::Transition& transition, const SampleRequest& request,
          const Visit& visit) {
  at::NoGradGuard no_grad;
  std::vector<std::int64_t> all(request.draws.size());
  std::iota(all.begin(), all.end(), 0);
  const PaddedChunks chunks = padded_chunks(all, request.micro_batch);
  const std::int64_t steps = transition.num_steps();
  const at::Device device = denoiser.device();

  for (std::size_t c = 0; c < chunks.rows.size(); ++c) {
    const std::vector<std::int64_t>& rows = chunks.rows[c];
    const at::Tensor index = tensor::upload(at::tensor(rows, at::kLong), device);
    const Condition conditional = request.conditional.select(index);
    const Condition unconditional = request.unconditional.select(index);
    std::vector<Draw> draws;
    for (const std::int64_t row : rows)
      draws.push_back(request.draws[static_cast<std::size_t>(row)]);

    at::Tensor latents = tensor::normal_rows(draws, 0, latent_shape(denoiser), device);
    visit(rows, chunks.valid[c], 0, latents, {});
    for (std::int64_t i = 0; i < steps; ++i) {
      const at::Tensor step = at::full_like(index, i);
      const at::Tensor output = predict_guided(denoiser, latents, transition.timesteps(step),
                                               conditional, unconditional, request.guidance);
      const at::Tensor mean = transition.mean(latents, output, step);
      at::Tensor next = mean;
      if (transition.steps()[static_cast<std::size_t>(i)].stochastic()) {
        next = transition.sample(mean,
                                 tensor::normal_rows(draws, static_cast<std::uint32_t>(i + 1),
                                                     latent_shape(denoiser), device),
                                 step);
      }
      visit(rows, chunks.valid[c], i + 1, next, transition.log_prob(next, mean, step));
      latents = next;
      if (i + 1 == steps && request.on_finished) {
        request.on_finished(rows.front(), latents.slice(0, 0, chunks.valid[c]));
      }
      if (request.on_progress) {
        const double done =
            static_cast<double>(c * static_cast<std::size_t>(steps)) + static_cast<double>(i + 1);
        request.on_progress(
            done / static_cast<double>(chunks.rows.size() * static_cast<std::size_t>(steps)));
      }
    }
  }
}

}  // namespace

void condition_on(SampleRequest& request, Conditioner& conditioner,
                  const std::vector<io::Prompt>& prompts, std::int64_t copies) {
  request.conditional = conditioner.encode(prompts).repeat_interleave(copies);
  if (request.guidance != 1) {
    request.unconditional = conditioner.encode_unconditional(prompts).repeat_interleave(copies);
  }
}

PaddedChunks padded_chunks(const std::vector<std::int64_t>& rows, std::int64_t micro_batch) {
  LOOPLINE_CHECK(micro_batch > 0, "micro_batch must be positive");
  PaddedChunks chunks;
  for (std::size_t begin = 0; begin < rows.size(); begin += static_cast<std::size_t>(micro_batch)) {
    const std::size_t end = std::min(rows.size(), begin + static_cast<std::size_t>(micro_batch));
    std::vector<std::int64_t> chunk(rows.begin() + static_cast<std::ptrdiff_t>(begin),
                                    rows.begin() + static_cast<std::ptrdiff_t>(end));
    chunks.valid.push_back(static_cast<std::int64_t>(chunk.size()));
    chunk.resize(static_cast<std::size_t>(micro_batch), chunk.front());
    chunks.rows.push_back(std::move(chunk));
  }
  return chunks;
}

diffusion::Trajectory sample_trajectories(Denoiser& denoiser,
                                          const diffusion::Transition& transition,
                                          const SampleRequest& request) {
  const auto count = static_cast<std::int64_t>(request.draws.size());
  const std::vector<std::int64_t> shape = latent_shape(denoiser);
  const auto options = at::TensorOptions(at::kFloat).device(denoiser.device());
  const bool from_cuda_to_host = request.latents_on_host && denoiser.device().is_cuda();
  const auto kept = request.latents_on_host
                        ? at::TensorOptions(at::kFloat).pinned_memory(from_cuda_to_host)
                        : options;
  diffusion::Trajectory trajectory;
  // A step's rows lie together: what is copied to the host without waiting must be contiguous.
  trajectory.latents =
      at::empty({transition.num_steps() + 1, count, shape[0], shape[1], shape[2]}, kept)
          .transpose(0, 1);
  trajectory.log_prob = at::zeros({count, transition.num_steps()}, options);
  walk(denoiser, transition, request,
       [&](const std::vector<std::int64_t>& rows, std::int64_t valid, std::int64_t step,
           const at::Tensor& latents, const at::Tensor& log_prob) {
         // Chunks are contiguous, so the real rows are one slice.
         const std::int64_t begin = rows.front();
         trajectory.latents.select(1, step)
             .slice(0, begin, begin + valid)
             .copy_(latents.slice(0, 0, valid), /*non_blocking=*/true);
         if (step > 0) {
           trajectory.log_prob.slice(0, begin, begin + valid)
               .select(1, step - 1)
               .copy_(log_prob.slice(0, 0, valid));
         }
       });
  if (from_cuda_to_host) tensor::wait_for(denoiser.device());
  return trajectory;
}

at::Tensor sample_latents(Denoiser& denoiser, const diffusion::Transition& transition,
                          const SampleRequest& request) {
  std::vector<at::Tensor> parts;
  walk(denoiser, transition, request,
       [&](const std::vector<std::int64_t>&, std::int64_t valid, std::int64_t step,
           const at::Tensor& latents, const at::Tensor&) {
         if (step == transition.num_steps()) parts.push_back(latents.slice(0, 0, valid));
       });
  return at::cat(parts);
}

}  // namespace loopline::denoiser
