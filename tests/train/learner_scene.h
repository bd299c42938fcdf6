#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "loopline/denoiser/model.h"
#include "loopline/denoiser/sampler.h"
#include "loopline/train/learner.h"
#include "support/tiny_bundle.h"

namespace loopline::train {

/// A freshly loaded model with eight sampled trajectories.
struct Scene {
  denoiser::Model model;
  diffusion::Transition transition;
  tensor::NamedTensors trainable;
  Experience experience;

  explicit Scene(double guidance = 1, std::int64_t micro_batch = 8,
                 const std::vector<std::string>& patterns = {})
      : model(load()),
        transition(model.bundle.schedule, model.bundle.prediction_type, model.bundle.transition),
        trainable(denoiser::select_trainable(*model.denoiser, patterns)) {
    const std::vector<io::Prompt> prompts{io::make_prompt("dark"), io::make_prompt("light")};
    experience.group_size = 4;
    experience.conditional = model.conditioner->encode(prompts).repeat_interleave(4);
    experience.unconditional =
        model.conditioner->encode_unconditional(prompts).repeat_interleave(4);
    experience.advantage = {1, -0.5, 0.25, -0.75, 0.3, 0.6, -1, 0.1};
    std::vector<Draw> draws;
    for (std::uint32_t k = 0; k < 8; ++k) draws.push_back({.seed = 1, .k = k});
    experience.trajectory =
        denoiser::sample_trajectories(*model.denoiser, transition,
                                      {.conditional = experience.conditional,
                                       .unconditional = experience.unconditional,
                                       .guidance = guidance,
                                       .draws = draws,
                                       .micro_batch = micro_batch});
  }

  static denoiser::Model load() {
    const auto path = testing::fresh_directory("learner_model");
    testing::write_tiny_model(path);
    return denoiser::load_model(path, at::kCPU);
  }

  UpdateStatistics update(LearnerOptions options, double lr = 0.01,
                          denoiser::Reference* reference = nullptr) {
    AdamW optimizer(trainable, {.weight_decay = 0, .max_grad_norm = 1e9});
    return Learner(*model.denoiser, transition, optimizer, options, reference)
        .update(experience, 0, lr);
  }

  at::Tensor weights() const {
    std::vector<at::Tensor> flat;
    for (const auto& [name, tensor] : trainable) flat.push_back(tensor.detach().flatten());
    return at::cat(flat);
  }
};

inline LearnerOptions clipped(std::int64_t updates, std::int64_t micro_batch = 8) {
  return {.surrogate = {policy::SurrogateKind::kClipped, 0.05, 0.05},
          .updates_per_epoch = updates,
          .micro_batch = micro_batch,
          .seed = 3};
}

}  // namespace loopline::train
