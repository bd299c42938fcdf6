#include "loopline/train/reference_distance.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <numeric>

#include "loopline/denoiser/sampler.h"
#include "loopline/tensor/upload.h"

namespace loopline::train {

at::Tensor reference_log_ratio(denoiser::Denoiser& denoiser, denoiser::Reference& reference,
                               const diffusion::Transition& transition,
                               const Experience& experience, double guidance,
                               std::int64_t micro_batch, std::int64_t rows) {
  at::NoGradGuard no_grad;
  const diffusion::Trajectory& trajectory = experience.trajectory;
  at::Tensor ratio =
      at::zeros({rows, transition.num_steps()}, trajectory.log_prob.options().dtype(at::kDouble));
  std::vector<std::int64_t> all(static_cast<std::size_t>(rows));
  std::iota(all.begin(), all.end(), 0);
  const denoiser::PaddedChunks chunks = denoiser::padded_chunks(all, micro_batch);
  for (std::size_t c = 0; c < chunks.rows.size(); ++c) {
    const at::Tensor host_index = at::tensor(chunks.rows[c], at::kLong);
    const at::Tensor index = tensor::upload(host_index, denoiser.device());
    const denoiser::Condition conditional = experience.conditional.select(index);
    const denoiser::Condition unconditional = experience.unconditional.select(index);
    const at::Tensor latents = tensor::upload(
        trajectory.latents.index_select(0, tensor::upload(host_index, trajectory.latents.device())),
        denoiser.device());
    const at::Tensor log_prob = trajectory.log_prob.index_select(0, index);
    for (const std::int64_t i : experience.steps) {
      const at::Tensor step = at::full_like(index, i);
      const at::Tensor current = latents.select(1, i);
      const at::Tensor output = reference.predict_guided(current, transition.timesteps(step),
                                                         conditional, unconditional, guidance);
      const at::Tensor mean = transition.mean(current, output, step);
      const at::Tensor of_reference = transition.log_prob(latents.select(1, i + 1), mean, step);
      const at::Tensor difference = log_prob.select(1, i).to(at::kDouble) - of_reference;
      const std::int64_t begin = chunks.rows[c].front();
      ratio.select(1, i)
          .slice(0, begin, begin + chunks.valid[c])
          .copy_(difference.slice(0, 0, chunks.valid[c]));
    }
  }
  return ratio.to(at::kCPU);
}

}  // namespace loopline::train
