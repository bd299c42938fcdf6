// models/emoji_lora: the model of models/emoji with adapters, in segments.

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/denoiser/model.h"
#include "support/peak_memory.h"

namespace loopline::denoiser {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

Model load_shipped(const std::string& name) {
  return load_model(std::filesystem::path(LOOPLINE_SOURCE_DIR) / "models" / name, at::kCPU);
}

/// The output for rows that all differ, each with a prompt and a timestep of its own.
at::Tensor predict_rows(Model& model, std::int64_t rows) {
  const std::vector<std::string> texts{"a red circle and a blue heart",
                                       "a green square and a black circle", ""};
  std::vector<io::Prompt> prompts(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < prompts.size(); ++i) prompts[i].text = texts[i % texts.size()];
  const at::Tensor latents = at::sin(at::arange(rows * 1536, at::kFloat) * 0.37);
  return model.denoiser->predict(latents.reshape({rows, 12, 8, 16}),
                                 at::arange(rows, at::kLong) * 13 % 1000,
                                 model.conditioner->encode(prompts));
}

/// As after training: adapters start with B at 0, where they do nothing and A has no gradient.
void train_adapters(Model& model) {
  at::NoGradGuard no_grad;
  for (const auto& [name, parameter] : model.denoiser->parameters()) {
    if (name.find("lora_B") == std::string::npos) continue;
    parameter.copy_(at::cos(at::arange(parameter.numel(), at::kFloat)).view_as(parameter));
  }
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(ShippedAdapters, ChangeNothingBeforeTraining) {
  at::NoGradGuard no_grad;
  Model base = load_shipped("emoji"), adapted = load_shipped("emoji_lora");
  EXPECT_LT(largest_difference(predict_rows(adapted, 5), predict_rows(base, 5)), 1e-5);
}

TEST(ShippedAdapters, AreTheBaseWithAllScalesAtZero) {
  at::NoGradGuard no_grad;
  Model base = load_shipped("emoji"), adapted = load_shipped("emoji_lora");
  train_adapters(adapted);
  const at::Tensor expected = predict_rows(base, 5);
  EXPECT_GT(largest_difference(predict_rows(adapted, 5), expected), 0.1);
  EXPECT_EQ(adapted.denoiser->adapter_scales().size(), 16U);
  for (const at::Tensor& scale : adapted.denoiser->adapter_scales()) {
    EXPECT_EQ(scale.item<double>(), 1);
    scale.zero_();
  }
  EXPECT_LT(largest_difference(predict_rows(adapted, 5), expected), 1e-5);
}

TEST(ShippedAdapters, AreWhatTheFileSaysIsTrained) {
  Model adapted = load_shipped("emoji_lora");
  std::vector<std::string> names;
  std::int64_t numbers = 0;
  for (const auto& [name, parameter] : select_trainable(*adapted.denoiser, {})) {
    names.push_back(name);
    numbers += parameter.numel();
  }
  EXPECT_THAT(names, Each(HasSubstr(".attn2.")));
  EXPECT_THAT(names, Each(HasSubstr(".lora_")));
  EXPECT_EQ(names.size(), 32U);
  EXPECT_EQ(numbers, 16384);
}

/// What one training step gives and takes.
struct Step {
  tensor::NamedTensors gradients;
  double peak = 0;
};

Step train_step(Model& model, bool recompute) {
  model.denoiser->set_recompute(recompute);
  const auto trainable = select_trainable(*model.denoiser, {});
  Step step;
  const testing::PeakMemory memory;
  predict_rows(model, 24).square().mean().backward();
  step.peak = static_cast<double>(memory.peak());
  for (const auto& [name, parameter] : trainable) {
    at::Tensor shared = parameter;
    step.gradients.emplace(name, shared.grad());
    shared.mutable_grad() = at::Tensor();
  }
  return step;
}

TEST(ShippedAdapters, LearnTheSameFromSegmentsInHalfTheMemory) {
  Model adapted = load_shipped("emoji_lora");
  train_adapters(adapted);
  const Step whole = train_step(adapted, false), segments = train_step(adapted, true);
  for (const auto& [name, expected] : whole.gradients) {
    const double size = expected.abs().max().item<double>();
    EXPECT_GT(size, 0) << name;
    EXPECT_LE(largest_difference(segments.gradients.at(name), expected), 1e-5 * size) << name;
  }
  EXPECT_LT(segments.peak, 0.5 * whole.peak);
  RecordProperty("peak_megabytes", std::to_string(whole.peak / 1e6) + " whole, " +
                                       std::to_string(segments.peak / 1e6) + " in segments");
}

}  // namespace
}  // namespace loopline::denoiser
