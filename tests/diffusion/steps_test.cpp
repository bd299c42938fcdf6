#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "diffusion/specs.h"
#include "loopline/diffusion/schedule.h"
#include "loopline/diffusion/transition.h"

namespace loopline::diffusion {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

Transition stable_diffusion(const io::TransitionSpec& transition) {
  return {stable_diffusion_schedule(), io::PredictionType::kEpsilon, transition};
}

std::string refusal(const io::TransitionSpec& transition) {
  return message_of([&] { stable_diffusion(transition); });
}

// Computed in double precision from the formulas of docs/algorithms.md.
TEST(Steps, MatchTheGoldenTableOfStableDiffusion) {
  struct Row {
    std::int64_t t;
    double alpha_t, alpha_s, sigma, direction;
  };
  const Row table[] = {
      {981, .005775500, .007281727, .454463272, .886668713},
      {961, .007281727, .009117310, .448282443, .888777555},
      {501, .274999067, .302295661, .294784540, .781541051},
      {101, .892980537, .917137935, .142808560, .249935553},
      {41, .960872788, .980380748, .099887309, .098192552},
      {21, .980380748, .998296028, .039479546, .012055604},
      {1, .998296028, .999150000, .020648320, .020582684},
  };
  const Transition transition = stable_diffusion(stable_diffusion_transition());
  ASSERT_EQ(transition.num_steps(), 50);
  for (const Row& row : table) {
    const Step& step = transition.steps()[static_cast<std::size_t>((981 - row.t) / 20)];
    EXPECT_EQ(step.timestep, row.t);
    EXPECT_NEAR(step.alpha_t, row.alpha_t, 1e-9) << row.t;
    EXPECT_NEAR(step.alpha_s, row.alpha_s, 1e-9) << row.t;
    EXPECT_NEAR(step.sigma, row.sigma, 1e-9) << row.t;
    EXPECT_NEAR(step.direction, row.direction, 1e-9) << row.t;
    EXPECT_EQ(step.noise_sigma, step.sigma);
  }
}

// DDPM (Ho et al. 2020), equations 6 and 7, over every timestep: with steps = train_steps the
// posterior q(x_{t-1} | x_t, x0) has coefficients that are written without any eta.
TEST(Steps, EtaOneIsTheDdpmPosterior) {
  io::ScheduleSpec schedule = stable_diffusion_schedule();
  schedule.train_steps = 100;
  io::TransitionSpec spec;
  spec.steps = 100;
  const Transition transition(schedule, io::PredictionType::kEpsilon, spec);
  const auto alphas = cumulative_alphas(schedule);
  for (const Step& step : transition.steps()) {
    const auto t = static_cast<std::size_t>(step.timestep);
    const double previous = t == 0 ? 1 : alphas[t - 1];
    const double beta = 1 - alphas[t] / previous;
    const double of_original = std::sqrt(previous) * beta / (1 - alphas[t]);
    const double of_latents = std::sqrt(1 - beta) * (1 - previous) / (1 - alphas[t]);
    EXPECT_NEAR(step.sigma * step.sigma, (1 - previous) / (1 - alphas[t]) * beta, 1e-14);
    // mu = sqrt(a_s) x0 + direction (x_t - sqrt(a_t) x0) / sqrt(1 - a_t)
    const double of_noise = step.direction / std::sqrt(1 - step.alpha_t);
    EXPECT_NEAR(std::sqrt(step.alpha_s) - of_noise * std::sqrt(step.alpha_t), of_original, 1e-9);
    EXPECT_NEAR(of_noise, of_latents, 1e-9);
  }
}

TEST(Steps, EtaScalesSigma) {
  io::TransitionSpec spec = stable_diffusion_transition();
  const Transition full = stable_diffusion(spec);
  spec.eta = 0.3;
  const Transition part = stable_diffusion(spec);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_NEAR(part.steps()[i].sigma, 0.3 * full.steps()[i].sigma, 1e-15);
  }
}

TEST(StochasticSteps, EtaZeroHasNoneWhateverMinSigma) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.eta = 0;
  spec.min_sigma = 0.1;
  const Transition transition = stable_diffusion(spec);
  EXPECT_THAT(transition.stochastic_steps(), SizeIs(0));
  EXPECT_EQ(transition.steps()[3].noise_sigma, 0);
}

// The last sigma is 0 with a final alpha of 1, and without it when the last timestep is 0.
TEST(StochasticSteps, LeaveOutALastStepWithoutSigma) {
  io::TransitionSpec spec = stable_diffusion_transition();
  EXPECT_THAT(stable_diffusion(spec).stochastic_steps(), SizeIs(50));
  spec.set_alpha_to_one = true;
  EXPECT_THAT(stable_diffusion(spec).stochastic_steps(), SizeIs(49));
  spec.steps_offset = 0;
  EXPECT_THAT(stable_diffusion(spec).stochastic_steps(), SizeIs(49));
  spec.set_alpha_to_one = false;
  EXPECT_THAT(stable_diffusion(spec).stochastic_steps(), SizeIs(49));
}

TEST(MinSigma, RaisesTheNoiseAndLeavesTheMean) {
  io::TransitionSpec spec = stable_diffusion_transition();
  const Transition plain = stable_diffusion(spec);
  spec.min_sigma = 0.05;
  spec.last_step_noise = false;
  const Transition raised = stable_diffusion(spec);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(raised.steps()[i].sigma, plain.steps()[i].sigma);
    EXPECT_EQ(raised.steps()[i].direction, plain.steps()[i].direction);
    const double expected = i == 49 ? 0 : std::max(plain.steps()[i].sigma, 0.05);
    EXPECT_EQ(raised.steps()[i].noise_sigma, expected) << i;
  }
  EXPECT_EQ(raised.steps()[48].noise_sigma, 0.05);
  EXPECT_THAT(raised.stochastic_steps(), SizeIs(49));
}

TEST(Refusals, SpacingsInWhichDiffusersStepsElsewhere) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.steps_offset = 0;
  spec.spacing = io::TimestepSpacing::kLinspace;
  EXPECT_THAT(refusal(spec), HasSubstr("diffusers' DDIM steps to t - 1000/50"));
  spec.spacing = io::TimestepSpacing::kTrailing;
  EXPECT_EQ(refusal(spec), "");
  spec.steps = 30;
  EXPECT_THAT(refusal(spec), HasSubstr("trailing with steps that divide 1000"));
  spec.spacing = io::TimestepSpacing::kLeading;
  EXPECT_EQ(refusal(spec), "");
  spec.steps = 300;  // stride 3
  spec.steps_offset = 3;
  EXPECT_THAT(refusal(spec), HasSubstr("lower steps_offset below 3"));
  spec.spacing = io::TimestepSpacing::kLinspace;
  spec.steps = 1000;
  EXPECT_EQ(refusal(spec), "");
}

// Brute force over a small schedule: accepted exactly when diffusers' rule visits the same pairs.
TEST(Refusals, AreExactlyTheDisagreements) {
  io::ScheduleSpec schedule = stable_diffusion_schedule();
  schedule.train_steps = 24;
  int accepted = 0;
  for (const auto spacing : {io::TimestepSpacing::kLeading, io::TimestepSpacing::kTrailing,
                             io::TimestepSpacing::kLinspace}) {
    for (std::int64_t steps = 1; steps <= 24; ++steps) {
      io::TransitionSpec spec;
      spec.steps = steps;
      spec.spacing = spacing;
      const auto timesteps = visited_timesteps(schedule, spec);
      bool agrees = timesteps.back() - 24 / steps < 0;
      for (std::size_t i = 0; i + 1 < timesteps.size(); ++i) {
        agrees = agrees && timesteps[i] - 24 / steps == timesteps[i + 1];
      }
      const bool refused =
          !message_of([&] { Transition(schedule, io::PredictionType::kSample, spec); }).empty();
      EXPECT_NE(agrees, refused) << steps;
      accepted += !refused;
    }
  }
  EXPECT_EQ(accepted, 24 + 8 + 2);  // leading always; the divisors of 24; linspace at 1 and 24
}

TEST(Refusals, ValuesWithoutAMeaning) {
  io::TransitionSpec spec = stable_diffusion_transition();
  spec.eta = 1.5;
  EXPECT_THAT(refusal(spec), HasSubstr("transition.eta: 1.5 is outside [0, 1]"));
  spec = stable_diffusion_transition();
  spec.family = "flow_sde";
  EXPECT_THAT(refusal(spec), HasSubstr("'flow_sde' is unknown"));
  spec = stable_diffusion_transition();
  spec.min_sigma = -0.1;
  EXPECT_THAT(refusal(spec), HasSubstr("transition.min_sigma"));
  spec = stable_diffusion_transition();
  spec.clip_sample = true;
  spec.clip_sample_range = 0;
  EXPECT_THAT(refusal(spec), HasSubstr("transition.clip_sample_range"));
}

TEST(Refusals, EpsilonWithZeroTerminalSnr) {
  io::ScheduleSpec schedule = stable_diffusion_schedule();
  schedule.rescale_zero_terminal_snr = true;
  io::TransitionSpec spec;
  spec.spacing = io::TimestepSpacing::kTrailing;
  EXPECT_THAT(message_of([&] { Transition(schedule, io::PredictionType::kEpsilon, spec); }),
              HasSubstr("zero terminal SNR"));
  // diffusers returns NaN for the first step here.
  const Transition transition(schedule, io::PredictionType::kVPrediction, spec);
  EXPECT_EQ(transition.steps()[0].alpha_t, 0);
  for (const Step& step : transition.steps()) {
    EXPECT_TRUE(std::isfinite(step.sigma) && std::isfinite(step.direction));
  }
}

}  // namespace
}  // namespace loopline::diffusion
