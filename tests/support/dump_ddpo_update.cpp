// One update of a bundle with adapters, with all that an independent implementation needs to make
// the same: dump_ddpo_update BUNDLE PROMPTS STEPS GUIDANCE OUT.safetensors
//
// Two trajectories a prompt are drawn with adapters that are not 0, then the adapters are moved, so
// that ratios are not 1, and one minibatch of all pairs is learned.

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "loopline/denoiser/sampler.h"
#include "loopline/tensor/noise.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/learner.h"
#include "loopline/train/rollout.h"

namespace loopline {
namespace {

constexpr std::int64_t kCopies = 2;
constexpr double kClip = 0.02, kLearningRate = 1e-3;

/// Adds `scale` times what is drawn at `place`.
void move(const tensor::NamedTensors& parameters, double scale, Draw place) {
  at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : parameters) {
    const at::Tensor noise = tensor::normal_rows({place}, 0, parameter.sizes().vec(), at::kCPU);
    parameter.add_(noise.squeeze(0), scale);
    ++place.slot;
  }
}

void keep(tensor::NamedTensors& dump, const std::string& prefix,
          const tensor::NamedTensors& tensors) {
  for (const auto& [name, value] : tensors) dump[prefix + name] = value.detach().clone();
}

/// log p of every pair under the present parameters, [N, T].
at::Tensor log_probabilities(denoiser::Denoiser& denoiser, const diffusion::Transition& transition,
                             const train::Experience& experience, double guidance) {
  at::NoGradGuard no_grad;
  const at::Tensor& latents = experience.trajectory.latents;
  std::vector<at::Tensor> columns;
  for (std::int64_t i = 0; i < transition.num_steps(); ++i) {
    const at::Tensor step = at::full({latents.size(0)}, i, at::kLong), x = latents.select(1, i);
    const at::Tensor output =
        denoiser::predict_guided(denoiser, x, transition.timesteps(step), experience.conditional,
                                 experience.unconditional, guidance);
    columns.push_back(
        transition.log_prob(latents.select(1, i + 1), transition.mean(x, output, step), step));
  }
  return at::stack(columns, 1);
}

at::Tensor noise_of(const std::vector<Draw>& draws, std::int64_t steps,
                    const io::LatentSpec& latent) {
  std::vector<at::Tensor> noise;
  for (std::int64_t i = 0; i <= steps; ++i) {
    noise.push_back(tensor::normal_rows(draws, static_cast<std::uint32_t>(i),
                                        {latent.channels, latent.height, latent.width}, at::kCPU));
  }
  return at::stack(noise, 1);
}

tensor::NamedTensors update(const std::string& bundle, const std::string& prompt_file,
                            std::int64_t steps, double guidance) {
  denoiser::Model model = denoiser::load_model(bundle, at::kCPU);
  model.bundle.transition.steps = steps;
  const diffusion::Transition transition(model.bundle.schedule, model.bundle.prediction_type,
                                         model.bundle.transition);
  const tensor::NamedTensors trained = denoiser::select_trainable(*model.denoiser, {});
  move(trained, 0.1, {.seed = 1, .stream = Stream::kInitialWeights});
  tensor::NamedTensors dump;
  keep(dump, "sampled.", trained);

  const std::vector<io::Prompt> prompts = io::read_prompts(prompt_file);
  denoiser::SampleRequest request;
  request.guidance = guidance;
  request.draws =
      train::group_draws({.seed = 5, .stream = Stream::kRollout}, prompts.size(), kCopies);
  denoiser::condition_on(request, *model.conditioner, prompts, kCopies);
  request.micro_batch = static_cast<std::int64_t>(request.draws.size());

  train::Experience experience;
  experience.trajectory = denoiser::sample_trajectories(*model.denoiser, transition, request);
  experience.conditional = request.conditional;
  experience.unconditional = request.unconditional;
  experience.group_size = kCopies;
  for (std::size_t i = 0; i < request.draws.size(); ++i) {
    experience.advantage.push_back((i % 2 ? -1.0 : 0.5) * static_cast<double>(i + 1));
  }
  dump["noise"] = noise_of(request.draws, steps, model.bundle.latent);
  dump["latents"] = experience.trajectory.latents;
  dump["log_prob"] = experience.trajectory.log_prob;
  dump["advantage"] = at::tensor(experience.advantage, at::kDouble);
  dump["images"] = model.decoder->decode(experience.trajectory.latents.select(1, steps));

  move(trained, 0.02, {.seed = 2, .stream = Stream::kInitialWeights});
  keep(dump, "before.", trained);
  dump["log_prob_before"] = log_probabilities(*model.denoiser, transition, experience, guidance);
  train::AdamW optimizer(trained, {});
  train::Learner learner(*model.denoiser, transition, optimizer,
                         {.surrogate = {.clip_low = kClip, .clip_high = kClip},
                          .guidance = guidance,
                          .updates_per_epoch = 1,
                          .micro_batch = 4});
  const train::UpdateStatistics statistics = learner.update(experience, 0, kLearningRate);
  // The learner drops the gradients; AdamW's first moment after one step holds them.
  for (const auto& [name, parameter] : trained) {
    dump["gradient." + name] =
        optimizer.state().at("exp_avg." + name) / (1 - optimizer.options().beta1);
  }
  keep(dump, "after.", trained);
  dump["statistics"] =
      at::tensor({statistics.loss, statistics.clip_fraction_high, statistics.clip_fraction_low,
                  statistics.approx_kl, statistics.grad_norm},
                 at::kDouble);
  return dump;
}

}  // namespace
}  // namespace loopline

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: dump_ddpo_update BUNDLE PROMPTS STEPS GUIDANCE OUT.safetensors\n");
    return 2;
  }
  try {
    loopline::tensor::save_tensors(
        argv[5], loopline::update(argv[1], argv[2], std::stoll(argv[3]), std::stod(argv[4])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
