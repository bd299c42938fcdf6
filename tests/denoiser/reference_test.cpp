#include "loopline/denoiser/reference.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/denoiser/exchange.h"
#include "loopline/denoiser/model.h"
#include "support/tiny_bundle.h"

namespace loopline::denoiser {
namespace {

Model adapted_model() {
  const auto path = testing::fresh_directory("adapted");
  testing::write_adapted_model(path);
  return load_model(path, at::kCPU);
}

Model plain_model() {
  const auto path = testing::fresh_directory("plain");
  testing::write_tiny_model(path);
  return load_model(path, at::kCPU);
}

/// Two rows with mixed timesteps.
struct Question {
  at::Tensor latents = at::linspace(-1, 1, 2 * 48).reshape({2, 3, 4, 4});
  at::Tensor timesteps = at::tensor({90, 10}, at::kLong);
  Condition conditional, unconditional;

  explicit Question(Model& model) {
    const std::vector<io::Prompt> prompts{io::make_prompt("dark"), io::make_prompt("light")};
    conditional = model.conditioner->encode(prompts);
    unconditional = model.conditioner->encode_unconditional(prompts);
  }

  at::Tensor ask(Denoiser& denoiser, double guidance = 1) const {
    const at::NoGradGuard no_grad;
    return predict_guided(denoiser, latents, timesteps, conditional, unconditional, guidance);
  }
  at::Tensor ask(Reference& reference, double guidance = 1) const {
    return reference.predict_guided(latents, timesteps, conditional, unconditional, guidance);
  }
};

void shift(const tensor::NamedTensors& parameters) {
  for (const auto& [name, tensor] : parameters) tensor.detach().add_(0.3);
}

TEST(Adapters, AreWhatTheFileMarksAsTrainable) {
  Model model = adapted_model();
  const tensor::NamedTensors trainable = select_trainable(*model.denoiser, {});
  EXPECT_THAT(trainable,
              ::testing::ElementsAre(::testing::Key("to.lora_A"), ::testing::Key("to.lora_B")));
  EXPECT_EQ(model.denoiser->adapter_scales().size(), 1U);
}

TEST(Adapters, MustHaveTheScaleThatTheManifestNames) {
  Model model = adapted_model();
  io::ModelBundle bundle = model.bundle;
  bundle.adapter->scale_buffer = "to.lora_scal";
  EXPECT_THAT([&] { load_denoiser(bundle, at::kCPU); },
              ::testing::ThrowsMessage<Error>(
                  ::testing::AllOf(::testing::HasSubstr("adapter.scale_buffer"),
                                   ::testing::HasSubstr("did you mean to.lora_scale?"))));
}

TEST(Reference, SwitchesAdaptersOffWhenOnlyTheyAreTrained) {
  Model model = adapted_model();
  const Question question(model);
  Reference reference(*model.denoiser, select_trainable(*model.denoiser, {}));
  EXPECT_TRUE(reference.switches_adapters_off());
  EXPECT_EQ(reference.copied_bytes(), 0);
  const at::Tensor base = question.ask(*model.denoiser);
  EXPECT_TRUE(at::equal(question.ask(reference), base)) << "adapters begin as nothing";
  shift(select_trainable(*model.denoiser, {}));
  const at::Tensor policy = question.ask(*model.denoiser);
  EXPECT_FALSE(at::allclose(policy, base));
  EXPECT_TRUE(at::equal(question.ask(reference), base));
  EXPECT_TRUE(at::equal(question.ask(*model.denoiser), policy)) << "they are on again";
}

TEST(Reference, KeepsACopyOfWhatElseIsTrained) {
  for (const bool adapted : {false, true}) {
    Model model = adapted ? adapted_model() : plain_model();
    const Question question(model);
    const auto trainable = select_trainable(*model.denoiser, {"*"});
    Reference reference(*model.denoiser, trainable);
    EXPECT_FALSE(reference.switches_adapters_off());
    std::int64_t numbers = 0;
    for (const auto& [name, tensor] : trainable) numbers += tensor.numel();
    EXPECT_EQ(reference.copied_bytes(), 4 * numbers);
    const at::Tensor before = question.ask(*model.denoiser, 2.5);
    shift(trainable);
    const at::Tensor policy = question.ask(*model.denoiser, 2.5);
    EXPECT_FALSE(at::allclose(policy, before));
    EXPECT_TRUE(at::equal(question.ask(reference, 2.5), before));
    EXPECT_TRUE(at::equal(question.ask(*model.denoiser, 2.5), policy));
  }
}

TEST(Reference, LeavesTheGradientsOfThePolicyAlone) {
  Model model = plain_model();
  const Question question(model);
  const auto trainable = select_trainable(*model.denoiser, {});
  Reference reference(*model.denoiser, trainable);
  const auto gradient = [&](bool ask_reference) {
    for (const auto& [name, tensor] : trainable) tensor.mutable_grad() = at::Tensor();
    if (ask_reference) {
      EXPECT_FALSE(question.ask(reference).requires_grad());
    }
    predict_guided(*model.denoiser, question.latents, question.timesteps, question.conditional,
                   question.unconditional, 1)
        .square()
        .sum()
        .backward();
    return trainable.at("mix").grad().clone();
  };
  const at::Tensor alone = gradient(false);
  EXPECT_TRUE(at::equal(gradient(true), alone));
}

TEST(Exchange, GivesTheOwnValuesBackWhateverHappens) {
  Model model = plain_model();
  const auto trainable = select_trainable(*model.denoiser, {});
  const at::Tensor own = trainable.at("mix").detach().clone();
  tensor::NamedTensors zeros;
  for (const auto& [name, tensor] : trainable) zeros.emplace(name, at::zeros_like(tensor));
  try {
    const Exchange exchange(trainable, zeros);
    EXPECT_EQ(model.denoiser->parameters().at("mix").abs().sum().item<double>(), 0);
    throw std::runtime_error("in between");
  } catch (const std::runtime_error&) {
  }
  EXPECT_TRUE(at::equal(trainable.at("mix").detach(), own));
  EXPECT_TRUE(trainable.at("mix").requires_grad());
}

}  // namespace
}  // namespace loopline::denoiser
