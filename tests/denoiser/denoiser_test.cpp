#include "loopline/denoiser/denoiser.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "loopline/core/error.h"
#include "loopline/denoiser/model.h"
#include "loopline/denoiser/sampler.h"
#include "support/tiny_bundle.h"

namespace loopline::denoiser {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Model load(const std::string& name) {
  const auto path = testing::fresh_directory(name);
  testing::write_tiny_model(path);
  return load_model(path, at::kCPU);
}

std::vector<io::Prompt> prompts(const std::vector<std::string>& texts) {
  std::vector<io::Prompt> result;
  for (const std::string& text : texts) result.push_back(io::make_prompt(text));
  return result;
}

TEST(Guidance, IsLinearInTheTwoBranches) {
  Model model = load("guidance");
  const at::NoGradGuard no_grad;
  const auto text = prompts({"dark", "light"});
  const Condition conditional = model.conditioner->encode(text);
  const Condition unconditional = model.conditioner->encode_unconditional(text);
  const at::Tensor x = at::sin(at::arange(96, at::kFloat)).reshape({2, 3, 4, 4});
  const at::Tensor t = at::tensor({5, 60}, at::kLong);
  const at::Tensor c = model.denoiser->predict(x, t, conditional);
  const at::Tensor u = model.denoiser->predict(x, t, unconditional);
  EXPECT_FALSE(at::allclose(c, u));
  EXPECT_TRUE(at::equal(predict_guided(*model.denoiser, x, t, conditional, unconditional, 1), c));
  EXPECT_TRUE(at::allclose(predict_guided(*model.denoiser, x, t, conditional, unconditional, 5),
                           u + 5 * (c - u), 1e-5, 1e-5));
}

TEST(Decoder, InSlicesMakesTheSameImages) {
  Model model = load("slices");
  const io::LatentSpec& latent = model.bundle.latent;
  const at::Tensor latents =
      at::sin(at::arange(5 * latent.channels * latent.height * latent.width, at::kFloat))
          .reshape({5, latent.channels, latent.height, latent.width});
  const at::Tensor whole = model.decoder->decode(latents);
  model.decoder->set_batch(2);
  EXPECT_TRUE(at::allclose(model.decoder->decode(latents), whole, 1e-6, 1e-6));
}

TEST(Conditioner, EncodesEachTextOnceAndInOrder) {
  Model model = load("conditioner");
  const auto text = prompts({"dark", "light", "dark"});
  const at::Tensor rows = model.conditioner->encode(text).tensors()[0].second;
  EXPECT_EQ(rows.sizes(), (std::vector<std::int64_t>{3, 2, 2}));
  EXPECT_TRUE(at::equal(rows[0], rows[2]));
  EXPECT_FALSE(at::equal(rows[0], rows[1]));
}

TEST(Conditioner, UsesThePromptsNegativeText) {
  Model model = load("negative");
  auto text = prompts({"dark", "dark"});
  text[1].negative = "light";
  const at::Tensor rows = model.conditioner->encode_unconditional(text).tensors()[0].second;
  const at::Tensor expected = model.conditioner->encode(prompts({"", "light"})).tensors()[0].second;
  EXPECT_TRUE(at::equal(rows, expected));
}

/// Without its file the text encoder cannot come back: what works then needs it no more.
struct TextEncoderTest : ::testing::Test {
  std::filesystem::path path = testing::fresh_directory("text_encoder");
  std::filesystem::path file = path / "text_encoder.ts", away = path / "away.ts";
  io::ModelBundle bundle;

  void SetUp() override {
    testing::write_tiny_model(path);
    bundle = io::load_model_bundle(path);
  }
  void take_away() { std::filesystem::rename(file, away); }
  void give_back() { std::filesystem::rename(away, file); }
};

bool equal(const Condition& one, const Condition& other) {
  return at::equal(one.tensors()[0].second, other.tensors()[0].second);
}

TEST_F(TextEncoderTest, IsDroppedOnceThePromptsAreEncodedAhead) {
  auto text = prompts({"dark", "light dark"});
  text[1].negative = "light light";
  Conditioner on_the_spot(bundle, at::kCPU), ahead(bundle, at::kCPU);
  ahead.encode_ahead(text, /*guided=*/true);
  take_away();
  const Condition conditional = ahead.encode(text);
  const Condition unconditional = ahead.encode_unconditional(text);
  give_back();
  EXPECT_TRUE(equal(conditional, on_the_spot.encode(text)));
  EXPECT_TRUE(equal(unconditional, on_the_spot.encode_unconditional(text)));
}

TEST_F(TextEncoderTest, ComesBackForATextThatWasNotEncodedAhead) {
  Conditioner conditioner(bundle, at::kCPU);
  conditioner.encode_ahead(prompts({"dark"}), /*guided=*/false);
  take_away();
  EXPECT_THAT(
      [&] {
        conditioner.encode(prompts({"dark", "light"}));
      },
      ThrowsMessage<Error>(HasSubstr("text_encoder.ts")));
  EXPECT_THROW(conditioner.encode_unconditional(prompts({"dark"})), Error) << "not guided, ahead";
  give_back();
  Conditioner other(bundle, at::kCPU);
  EXPECT_TRUE(equal(conditioner.encode(prompts({"dark", "light"})),
                    other.encode(prompts({"dark", "light"}))));
  take_away();
  EXPECT_TRUE(
      equal(conditioner.encode(prompts({"light light"})), other.encode(prompts({"light light"}))))
      << "now it waits for more";
}

TEST_F(TextEncoderTest, TextsOfTheSameTokensAreOne) {
  Conditioner conditioner(bundle, at::kCPU);
  conditioner.encode_ahead(prompts({"dark light"}), /*guided=*/false);
  take_away();
  EXPECT_TRUE(equal(conditioner.encode(prompts({"dark   light"})),
                    conditioner.encode(prompts({"dark light"}))));
}

TEST_F(TextEncoderTest, KeepsNoMoreTextsThanItMay) {
  const auto three = prompts({"dark", "light", "dark light"});
  const std::int64_t text_bytes = 4 * 2 * 2;  // float32, two words of two numbers
  Conditioner conditioner(bundle, at::kCPU, 2 * text_bytes);
  EXPECT_EQ(conditioner.bytes_ahead(prompts({"dark", "light", "dark"}), false), 2 * text_bytes);
  EXPECT_EQ(conditioner.bytes_ahead(three, false), 0) << "too many to be kept";
  EXPECT_EQ(conditioner.bytes_ahead(prompts({"dark", "light"}), true), 0) << "and the empty text";
  conditioner.encode_ahead(three, false);  // leaves them
  Conditioner unbounded(bundle, at::kCPU);
  for (const auto& batch : {three, prompts({"light", "light light"}), prompts({"dark", "light"})}) {
    EXPECT_TRUE(equal(conditioner.encode(batch), unbounded.encode(batch)));
  }
}

TEST_F(TextEncoderTest, ForgetsAllTextsWhenThereAreTooMany) {
  Conditioner conditioner(bundle, at::kCPU, 2 * 4 * 2 * 2);
  conditioner.encode_ahead(prompts({"dark", "light"}), false);
  conditioner.encode(prompts({"dark light"}));
  conditioner.encode_ahead(prompts({"dark"}), false);  // for which there is room now
  take_away();
  EXPECT_NO_THROW(conditioner.encode(prompts({"dark", "dark light"})));
  EXPECT_THROW(conditioner.encode(prompts({"light"})), Error);
}

TEST(Conditioner, NamesAnUnknownWord) {
  Model model = load("unknown_word");
  EXPECT_THAT([&] { model.conditioner->encode(prompts({"drak"})); },
              ThrowsMessage<Error>(HasSubstr("drak")));
}

TEST(Condition, SelectsRepeatsAndConcatenates) {
  Condition condition;
  condition.add("a", at::arange(3, at::kFloat));
  EXPECT_TRUE(at::equal(condition.repeat_interleave(2).tensors()[0].second,
                        at::tensor({0., 0., 1., 1., 2., 2.}, at::kFloat)));
  const Condition picked = condition.select(at::tensor({2, 0}, at::kLong));
  EXPECT_TRUE(at::equal(Condition::concatenate(picked, condition).tensors()[0].second,
                        at::tensor({2., 0., 0., 1., 2.}, at::kFloat)));
  EXPECT_THROW(condition.add("b", at::zeros({2})), std::logic_error);
}

TEST(Trainable, PatternsChooseAndFreeze) {
  Model model = load("trainable");
  const auto chosen = select_trainable(*model.denoiser, {"mi*"});
  ASSERT_EQ(chosen.size(), 1U);
  EXPECT_TRUE(chosen.at("mix").requires_grad());
  EXPECT_FALSE(model.denoiser->parameters().at("gain").requires_grad());
  EXPECT_EQ(select_trainable(*model.denoiser, {}).size(), 3U) << "the bundle's own patterns";
  EXPECT_THAT([&] { select_trainable(*model.denoiser, {"mxi"}); },
              ThrowsMessage<Error>(HasSubstr("did you mean mix?")));
}

TEST(Decoder, MapsTheDataRangeToUnitAndClamps) {
  const Model model = load("decoder");
  const at::Tensor latents =
      at::tensor({-1.0, 0.0, 1.0, 9.0}, at::kFloat).repeat({12}).reshape({1, 3, 4, 4});
  const at::Tensor images = model.decoder->decode(latents);
  EXPECT_TRUE(at::equal(images[0][0][0], at::tensor({0.0, 0.5, 1.0, 1.0}, at::kFloat)));
}

struct SamplerTest : ::testing::Test {
  Model model = load("sampler");
  diffusion::Transition transition{model.bundle.schedule, model.bundle.prediction_type,
                                   model.bundle.transition};

  SampleRequest request(std::int64_t micro_batch) {
    const auto text = prompts({"dark", "light", "dark light", "light light", "dark"});
    SampleRequest request{.conditional = model.conditioner->encode(text),
                          .micro_batch = micro_batch};
    for (std::uint32_t slot = 0; slot < 5; ++slot) {
      request.draws.push_back({.seed = 3, .stream = Stream::kSample, .slot = slot});
    }
    return request;
  }
};

TEST_F(SamplerTest, RowsDoNotDependOnTheirCompanions) {
  const auto together = sample_trajectories(*model.denoiser, transition, request(8));
  const auto apart = sample_trajectories(*model.denoiser, transition, request(2));
  EXPECT_TRUE(at::allclose(together.latents, apart.latents, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(together.log_prob, apart.log_prob, 1e-5, 1e-5));
  EXPECT_TRUE(at::equal(together.latents.select(1, 0), apart.latents.select(1, 0)));
}

TEST_F(SamplerTest, FinalLatentsAreTheTrajectorysLast) {
  const auto path = sample_trajectories(*model.denoiser, transition, request(2));
  EXPECT_TRUE(at::equal(sample_latents(*model.denoiser, transition, request(2)),
                        path.latents.select(1, transition.num_steps())));
}

TEST_F(SamplerTest, LogProbIsThatOfTheStoredLatents) {
  const auto path = sample_trajectories(*model.denoiser, transition, request(5));
  const at::NoGradGuard no_grad;
  const auto conditions = request(5).conditional;
  for (std::int64_t i = 0; i < transition.num_steps(); ++i) {
    const at::Tensor step = at::full({5}, i, at::kLong);
    const at::Tensor current = path.latents.select(1, i).contiguous();
    const at::Tensor output =
        model.denoiser->predict(current, transition.timesteps(step), conditions);
    const at::Tensor mean = transition.mean(current, output, step);
    EXPECT_TRUE(at::equal(transition.log_prob(path.latents.select(1, i + 1), mean, step),
                          path.log_prob.select(1, i)));
  }
  EXPECT_TRUE(at::equal(path.log_prob.select(1, transition.num_steps() - 1), at::zeros({5})))
      << "the last step of this bundle draws no noise";
}

TEST_F(SamplerTest, ProgressEndsAtOne) {
  SampleRequest slow = request(2);
  double last = 0;
  slow.on_progress = [&](double fraction) {
    EXPECT_GT(fraction, last);
    last = fraction;
  };
  sample_latents(*model.denoiser, transition, slow);
  EXPECT_DOUBLE_EQ(last, 1);
}

TEST(PaddedChunks, AreAllOfOneSize) {
  const PaddedChunks chunks = padded_chunks({4, 5, 6, 7, 8}, 3);
  EXPECT_EQ(chunks.rows, (std::vector<std::vector<std::int64_t>>{{4, 5, 6}, {7, 8, 7}}));
  EXPECT_EQ(chunks.valid, (std::vector<std::int64_t>{3, 2}));
}

}  // namespace
}  // namespace loopline::denoiser
