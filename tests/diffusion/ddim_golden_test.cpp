// Paths that diffusers' DDIMScheduler computed (tests/golden/make_ddim_golden.py).

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "loopline/core/files.h"
#include "loopline/diffusion/schedule.h"
#include "loopline/diffusion/transition.h"

namespace loopline::diffusion {
namespace {

using Json = nlohmann::json;

template <typename Value>
Value named(const Json& name, const std::vector<std::pair<std::string, Value>>& names) {
  for (const auto& [key, value] : names) {
    if (key == name) return value;
  }
  throw std::runtime_error("a name that this test does not know: " + name.dump());
}

io::ScheduleSpec schedule_of(const Json& data) {
  io::ScheduleSpec schedule;
  schedule.kind = named<io::ScheduleKind>(data["kind"],
                                          {{"linear", io::ScheduleKind::kLinear},
                                           {"scaled_linear", io::ScheduleKind::kScaledLinear},
                                           {"squaredcos_cap_v2", io::ScheduleKind::kSquaredCosine},
                                           {"betas", io::ScheduleKind::kBetas}});
  schedule.train_steps = data["train_steps"];
  schedule.beta_start = data.value("beta_start", 0.0);
  schedule.beta_end = data.value("beta_end", 0.0);
  schedule.betas = data.value("betas", std::vector<double>());
  schedule.rescale_zero_terminal_snr = data.value("rescale_zero_terminal_snr", false);
  return schedule;
}

io::TransitionSpec transition_of(const Json& data) {
  io::TransitionSpec transition;
  transition.steps = data["steps"];
  transition.eta = data["eta"];
  transition.spacing =
      named<io::TimestepSpacing>(data["spacing"], {{"leading", io::TimestepSpacing::kLeading},
                                                   {"trailing", io::TimestepSpacing::kTrailing},
                                                   {"linspace", io::TimestepSpacing::kLinspace}});
  transition.steps_offset = data["steps_offset"];
  transition.set_alpha_to_one = data["set_alpha_to_one"];
  transition.clip_sample = data["clip_sample"];
  transition.clip_sample_range = data["clip_sample_range"];
  return transition;
}

io::PredictionType prediction_of(const Json& data) {
  return named<io::PredictionType>(data["prediction_type"],
                                   {{"epsilon", io::PredictionType::kEpsilon},
                                    {"v_prediction", io::PredictionType::kVPrediction},
                                    {"sample", io::PredictionType::kSample}});
}

at::Tensor tensor_of(const Json& numbers, std::vector<std::int64_t> shape) {
  return at::tensor(numbers.get<std::vector<float>>(), at::kFloat).view(shape);
}

const Json& golden() {
  static const Json data = Json::parse(
      read_file(std::filesystem::path(LOOPLINE_SOURCE_DIR) / "tests" / "golden" / "ddim.json"));
  return data;
}

// The path is fp64, we compute in fp32: a few roundings of terms as large as the coefficients of
// x_t and the output, which grow where x_t is divided by sqrt(a_t) or by sqrt(1 - a_t).
double tolerance(const Step& step) {
  const double of_signal = std::sqrt(step.alpha_s / std::max(step.alpha_t, 1e-10));
  const double of_noise = step.direction / std::sqrt(1 - step.alpha_t);
  return 1e-6 * std::max({1.0, of_signal, of_noise});
}

TEST(DdimGolden, EveryStepOfEveryPathIsThatOfDiffusers) {
  const std::vector<std::int64_t> shape = {-1, 2, 1, 2};
  const at::Tensor outputs = tensor_of(golden()["outputs"], shape);
  const at::Tensor noises = tensor_of(golden()["noises"], shape);
  double worst = 0;
  for (const Json& data : golden()["cases"]) {
    const Json head = [&] {
      Json copy = data;
      copy.erase("latents");
      return copy;
    }();
    const io::ScheduleSpec schedule = schedule_of(data["schedule"]);
    const Transition transition(schedule, prediction_of(data), transition_of(data));
    const auto timesteps = visited_timesteps(schedule, transition_of(data));
    ASSERT_EQ(timesteps, data["timesteps"].get<std::vector<std::int64_t>>()) << head;

    // All steps of the path at once, each from the latents that diffusers had.
    const std::int64_t steps = transition.num_steps();
    const at::Tensor latents = tensor_of(data["latents"], shape);
    const at::Tensor step = at::arange(steps, at::kLong);
    const at::Tensor mean =
        transition.mean(latents.narrow(0, 0, steps), outputs.narrow(0, 0, steps), step);
    const at::Tensor next = transition.sample(mean, noises.narrow(0, 0, steps), step);
    const at::Tensor expected = latents.narrow(0, 1, steps);
    const at::Tensor relative = (next - expected).abs() / expected.abs().clamp_min(1);
    for (std::int64_t i = 0; i < steps; ++i) {
      const double error = relative[i].max().item<double>();
      const double bound = tolerance(transition.steps()[static_cast<std::size_t>(i)]);
      ASSERT_LT(error, bound) << "step " << i << " of " << head;
      worst = std::max(worst, error / bound);
    }
  }
  RecordProperty("worst_share_of_tolerance", std::to_string(worst));
}

TEST(DdimGolden, CoversEveryAxis) {
  std::map<std::string, std::set<std::string>> seen;
  for (const Json& data : golden()["cases"]) {
    for (const char* axis : {"prediction_type", "eta", "clip_sample", "spacing"}) {
      seen[axis].insert(data[axis].dump());
    }
    seen["kind"].insert(data["schedule"]["kind"].dump());
    seen["snr"].insert(data["schedule"].contains("rescale_zero_terminal_snr") ? "zero" : "as is");
  }
  EXPECT_EQ(seen["prediction_type"].size(), 3U);
  EXPECT_EQ(seen["eta"].size(), 3U);
  EXPECT_EQ(seen["clip_sample"].size(), 2U);
  EXPECT_EQ(seen["spacing"].size(), 3U);
  EXPECT_EQ(seen["kind"].size(), 4U);
  EXPECT_EQ(seen["snr"].size(), 2U);
}

}  // namespace
}  // namespace loopline::diffusion
