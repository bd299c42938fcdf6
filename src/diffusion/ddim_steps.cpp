#include "ddim_steps.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "loopline/core/error.h"
#include "loopline/diffusion/schedule.h"

namespace loopline::diffusion {
namespace {

Step make_step(std::int64_t timestep, double alpha_t, double alpha_s, double eta) {
  Step step{.timestep = timestep, .alpha_t = alpha_t, .alpha_s = alpha_s};
  const double variance = (1 - alpha_s) / (1 - alpha_t) * (1 - alpha_t / alpha_s);
  step.sigma = eta * std::sqrt(std::max(variance, 0.0));
  step.direction = std::sqrt(std::max(1 - alpha_s - step.sigma * step.sigma, 0.0));
  return step;
}

std::string to_text(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text.ends_with('.') ? text + "0" : text;
}

void check_transition(const io::ScheduleSpec& schedule, io::PredictionType prediction,
                      const io::TransitionSpec& transition) {
  if (transition.family != "ddim") {
    throw Error("transition.family", "'" + transition.family + "' is unknown", "use 'ddim'");
  }
  if (!(transition.eta >= 0 && transition.eta <= 1)) {
    throw Error("transition.eta", to_text(transition.eta) + " is outside [0, 1]",
                "1 is the DDPM posterior, 0 is deterministic");
  }
  if (!(transition.min_sigma >= 0) || !std::isfinite(transition.min_sigma)) {
    throw Error("transition.min_sigma", "must be 0 or more");
  }
  if (transition.clip_sample && !(transition.clip_sample_range > 0)) {
    throw Error("transition.clip_sample_range", "must be greater than 0");
  }
  if (schedule.rescale_zero_terminal_snr && prediction == io::PredictionType::kEpsilon) {
    throw Error("prediction_type",
                "with zero terminal SNR the noisiest latents are pure noise, and an epsilon "
                "prediction says nothing about the image there",
                "use a v_prediction or sample model, or rescale_zero_terminal_snr false");
  }
}

// diffusers steps from t to t - train/steps whatever it visits next. Where that is another
// timestep, its samples come from a mixture of two noise levels; a policy density must know which
// one it is.
void check_next_timesteps(const std::vector<std::int64_t>& timesteps, std::int64_t train,
                          const io::TransitionSpec& transition) {
  const std::int64_t stride = train / transition.steps;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const bool is_last = i + 1 == timesteps.size();
    const std::int64_t diffusers_next = timesteps[i] - stride;
    if (is_last ? diffusers_next < 0 : diffusers_next == timesteps[i + 1]) continue;
    const std::string visited = is_last ? "the end" : std::to_string(timesteps[i + 1]);
    const bool leading = transition.spacing == io::TimestepSpacing::kLeading;
    throw Error("transition.spacing",
                "after timestep " + std::to_string(timesteps[i]) + " comes " + visited +
                    ", but diffusers' DDIM steps to t - " + std::to_string(train) + "/" +
                    std::to_string(transition.steps) + " = " + std::to_string(diffusers_next),
                leading ? "lower steps_offset below " + std::to_string(stride)
                        : "use spacing leading, or trailing with steps that divide " +
                              std::to_string(train));
  }
}

}  // namespace

std::vector<Step> make_ddim_steps(const io::ScheduleSpec& schedule, io::PredictionType prediction,
                                  const io::TransitionSpec& transition) {
  check_transition(schedule, prediction, transition);
  const std::vector<double> alphas = cumulative_alphas(schedule);
  const std::vector<std::int64_t> timesteps = visited_timesteps(schedule, transition);
  check_next_timesteps(timesteps, schedule.train_steps, transition);
  const auto alpha_at = [&](std::int64_t t) { return alphas[static_cast<std::size_t>(t)]; };
  std::vector<Step> steps;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const bool is_last = i + 1 == timesteps.size();
    const double final_alpha = transition.set_alpha_to_one ? 1 : alphas.front();
    const double alpha_s = is_last ? final_alpha : alpha_at(timesteps[i + 1]);
    Step step = make_step(timesteps[i], alpha_at(timesteps[i]), alpha_s, transition.eta);
    const bool draws_noise = transition.eta > 0 && (!is_last || transition.last_step_noise);
    step.noise_sigma = draws_noise ? std::max(step.sigma, transition.min_sigma) : 0;
    steps.push_back(step);
  }
  return steps;
}

}  // namespace loopline::diffusion
