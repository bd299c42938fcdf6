#include "loopline/diffusion/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "loopline/core/error.h"

namespace loopline::diffusion {
namespace {

// The shares i / (count - 1) of a line from one end to the other, as torch.linspace.
double on_line(double from, double to, std::int64_t i, std::int64_t count) {
  if (count == 1) return from;
  return std::lerp(from, to, static_cast<double>(i) / static_cast<double>(count - 1));
}

// Improved DDPM's cosine (Nichol and Dhariwal 2021) with diffusers' cap of beta.
double squared_cosine_beta(std::int64_t i, std::int64_t count) {
  const auto alpha_bar = [count](std::int64_t step) {
    const double t = static_cast<double>(step) / static_cast<double>(count);
    const double cosine = std::cos((t + 0.008) / 1.008 * std::numbers::pi / 2);
    return cosine * cosine;
  };
  return std::min(1 - alpha_bar(i + 1) / alpha_bar(i), 0.999);
}

double beta_at(const io::ScheduleSpec& schedule, std::int64_t i) {
  const std::int64_t count = schedule.train_steps;
  switch (schedule.kind) {
    case io::ScheduleKind::kLinear:
      return on_line(schedule.beta_start, schedule.beta_end, i, count);
    case io::ScheduleKind::kScaledLinear: {
      const double root =
          on_line(std::sqrt(schedule.beta_start), std::sqrt(schedule.beta_end), i, count);
      return root * root;
    }
    case io::ScheduleKind::kSquaredCosine:
      return squared_cosine_beta(i, count);
    case io::ScheduleKind::kBetas:
      return schedule.betas[static_cast<std::size_t>(i)];
    case io::ScheduleKind::kFlow:
      break;
  }
  throw Error("schedule.kind", "flow has no betas: the ddim transition cannot sample it");
}

// Shifts and stretches sqrt(alpha_bar) so that it ends at 0 and its first value stays.
void rescale_to_zero_terminal_snr(std::vector<double>& alphas) {
  const double first = std::sqrt(alphas.front());
  const double last = std::sqrt(alphas.back());
  if (first == last) {
    throw Error("schedule.rescale_zero_terminal_snr", "one training timestep cannot be rescaled");
  }
  for (double& alpha : alphas) {
    const double root = (std::sqrt(alpha) - last) * (first / (first - last));
    alpha = root * root;
  }
}

// Half to even, as numpy.round.
std::int64_t round_to_integer(double value) {
  return static_cast<std::int64_t>(std::nearbyint(value));
}

std::vector<std::int64_t> linspace_timesteps(std::int64_t train, std::int64_t steps) {
  std::vector<std::int64_t> timesteps;
  const double last = static_cast<double>(train - 1);
  const double gap = steps > 1 ? last / static_cast<double>(steps - 1) : 0;
  for (std::int64_t i = steps - 1; i >= 0; --i) {
    const bool is_end = i == steps - 1 && steps > 1;
    timesteps.push_back(round_to_integer(is_end ? last : static_cast<double>(i) * gap));
  }
  return timesteps;
}

std::vector<std::int64_t> trailing_timesteps(std::int64_t train, std::int64_t steps) {
  std::vector<std::int64_t> timesteps;
  const double ratio = static_cast<double>(train) / static_cast<double>(steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    const double t = static_cast<double>(train) - static_cast<double>(i) * ratio;
    timesteps.push_back(round_to_integer(t) - 1);
  }
  return timesteps;
}

std::vector<std::int64_t> leading_timesteps(std::int64_t train, std::int64_t steps,
                                            std::int64_t offset) {
  std::vector<std::int64_t> timesteps;
  for (std::int64_t i = steps - 1; i >= 0; --i) timesteps.push_back(i * (train / steps) + offset);
  return timesteps;
}

}  // namespace

std::vector<double> cumulative_alphas(const io::ScheduleSpec& schedule) {
  if (schedule.train_steps < 1) throw Error("schedule.train_steps", "must be 1 or more");
  if (schedule.kind == io::ScheduleKind::kBetas &&
      schedule.betas.size() != static_cast<std::size_t>(schedule.train_steps)) {
    throw Error("schedule.betas", "holds " + std::to_string(schedule.betas.size()) +
                                      " numbers for train_steps " +
                                      std::to_string(schedule.train_steps));
  }
  std::vector<double> alphas;
  double product = 1;
  for (std::int64_t i = 0; i < schedule.train_steps; ++i) {
    const double beta = beta_at(schedule, i);
    // Also refuses a beta that vanishes beside 1: nothing could be divided by 1 - alpha then.
    if (!(beta > 0 && beta < 1 && 1 - beta < 1)) {
      throw Error("schedule", "beta " + std::to_string(beta) + " of timestep " + std::to_string(i) +
                                  " is outside (0, 1)");
    }
    product *= 1 - beta;
    alphas.push_back(product);
  }
  if (schedule.rescale_zero_terminal_snr) rescale_to_zero_terminal_snr(alphas);
  return alphas;
}

std::vector<std::int64_t> visited_timesteps(const io::ScheduleSpec& schedule,
                                            const io::TransitionSpec& transition) {
  const std::int64_t train = schedule.train_steps;
  const std::int64_t steps = transition.steps;
  if (steps < 1 || steps > train) {
    throw Error(
        "transition.steps",
        std::to_string(steps) + " steps of " + std::to_string(train) + " training timesteps",
        "choose 1 to " + std::to_string(train));
  }
  switch (transition.spacing) {
    case io::TimestepSpacing::kLinspace:
      return linspace_timesteps(train, steps);
    case io::TimestepSpacing::kTrailing:
      return trailing_timesteps(train, steps);
    case io::TimestepSpacing::kLeading:
      break;
  }
  const auto timesteps = leading_timesteps(train, steps, transition.steps_offset);
  if (timesteps.front() >= train || timesteps.back() < 0) {
    throw Error("transition.steps_offset",
                std::to_string(transition.steps_offset) + " puts timestep " +
                    std::to_string(timesteps.front()) + " outside the " + std::to_string(train) +
                    " training timesteps",
                "lower steps_offset");
  }
  return timesteps;
}

}  // namespace loopline::diffusion
