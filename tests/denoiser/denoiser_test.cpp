#include "loopline/denoiser/denoiser.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
