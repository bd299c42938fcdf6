#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "loopline/denoiser/model.h"
#include "loopline/denoiser/sampler.h"
#include "support/stranger_bundles.h"
#include "support/tiny_bundle.h"

namespace loopline::denoiser {
namespace {

using testing::Stranger;

/// Bundles of other people's conventions: each loads, passes the probe, and means what it says.
struct StrangersTest : ::testing::TestWithParam<Stranger> {
  std::filesystem::path directory = testing::fresh_directory("stranger");
  Model model;
  std::vector<io::Prompt> prompts;

  void SetUp() override {
    testing::write_stranger(directory, GetParam());
    model = load_model(directory, at::kCPU);
    prompts = io::read_prompts(directory / "prompts.jsonl");
  }

  const at::Tensor& parameter(const std::string& name) const {
    return model.denoiser->parameters().at(name);
  }

  /// What the network adds for each prompt, [3, C], computed apart from the bundle's files.
  at::Tensor condition_term() const {
    const std::string& condition = GetParam().condition;
    if (condition == "class") return parameter("table").narrow(0, 0, 3);
    if (condition == "numbers") {
      return at::matmul(
          at::tensor({0.0, 1.0, 0.0, 0.5, 1.0, -0.25, 1.0, 1.0, -0.5}, at::kFloat).reshape({3, 3}),
          parameter("mix"));
    }
    if (condition == "text") {
      // The encoder's table, and the words of "dark <pad>", "light <pad>", "dark light".
      const at::Tensor table =
          (at::sin(at::arange(6, at::kFloat) * 1.3 + 0.8) * 0.3).reshape({3, 2});
      const at::Tensor ids = at::tensor({1, 0, 2, 0, 1, 2}, at::kLong);
      return at::matmul(table.index_select(0, ids).reshape({3, 2, 2}).mean(1), parameter("mix"));
    }
    return at::zeros({3, GetParam().channels});
  }
};

TEST_P(StrangersTest, TheNetworkSeesWhatTheManifestSays) {
  const Stranger& stranger = GetParam();
  const at::NoGradGuard no_grad;
  const std::int64_t last = model.bundle.schedule.train_steps - 1;
  const bool scalar = stranger.timestep_batch == "scalar";
  const at::Tensor t = at::tensor({last, scalar ? last : last / 2, scalar ? last : 1}, at::kLong);
  const at::Tensor x =
      at::cos(at::arange(3 * stranger.channels * stranger.height * stranger.width, at::kFloat))
          .reshape({3, stranger.channels, stranger.height, stranger.width});
  const at::Tensor time = at::sin(t.to(at::kFloat) * stranger.timestep_scale * 0.01).unsqueeze(1);
  const at::Tensor shift = time * parameter("time") + condition_term();
  const at::Tensor expected =
      parameter("gain") * x +
      at::conv2d(at::silu(x), parameter("kernel"), parameter("bias"), 1, 1) +
      shift.unsqueeze(2).unsqueeze(3);
  const at::Tensor output = model.denoiser->predict(x, t, model.conditioner->encode(prompts));
  EXPECT_TRUE(at::allclose(output, expected, 1e-4, 1e-5))
      << (output - expected).abs().max().item<float>();
}

TEST_P(StrangersTest, DrawsFiniteImagesOfItsShapeAndRange) {
  const Stranger& stranger = GetParam();
  const diffusion::Transition transition(model.bundle.schedule, model.bundle.prediction_type,
                                         model.bundle.transition);
  SampleRequest request{.guidance = stranger.guidance, .micro_batch = 4};
  condition_on(request, *model.conditioner, prompts, 2);
  for (std::uint32_t slot = 0; slot < 6; ++slot) request.draws.push_back({.seed = 1, .slot = slot});
  const diffusion::Trajectory path = sample_trajectories(*model.denoiser, transition, request);
  EXPECT_TRUE(path.log_prob.isfinite().all().item<bool>());
  const at::Tensor images = model.decoder->decode(path.latents.select(1, transition.num_steps()));
  EXPECT_EQ(images.sizes(),
            (std::vector<std::int64_t>{6, stranger.image_channel_count(), stranger.image_height(),
                                       stranger.image_width()}));
  EXPECT_TRUE(images.isfinite().all().item<bool>());
  EXPECT_GE(images.min().item<double>(), 0);
  EXPECT_LE(images.max().item<double>(), 1);
  EXPECT_GT((images - images[0]).abs().max().item<double>(), 0.01) << "all images are one";
}

TEST_P(StrangersTest, TheDecoderIsGivenUnscaledLatents) {
  const Stranger& stranger = GetParam();
  const at::Tensor latents =
      at::sin(at::arange(stranger.channels * stranger.height * stranger.width, at::kFloat))
          .reshape({1, stranger.channels, stranger.height, stranger.width});
  at::Tensor data = latents;
  if (stranger.has_decoder()) {
    const auto count = static_cast<double>(stranger.image_channels * stranger.channels);
    const at::Tensor mix = (at::sin(at::arange(count, at::kFloat) * 1.3 + 0.7) * 0.3)
                               .reshape({stranger.image_channels, stranger.channels});
    data = at::tanh(at::einsum("oc,nchw->nohw", {mix, latents / 0.5 + 0.25}));
    data = at::upsample_nearest2d(data, {stranger.image_height(), stranger.image_width()});
  }
  const at::Tensor expected = ((data - stranger.low) / (stranger.high - stranger.low)).clamp(0, 1);
  EXPECT_TRUE(at::allclose(model.decoder->decode(latents), expected, 1e-4, 1e-5));
}

TEST_P(StrangersTest, EveryParameterLearns) {
  select_trainable(*model.denoiser, {});
  const Stranger& stranger = GetParam();
  const at::Tensor x = at::ones({3, stranger.channels, stranger.height, stranger.width});
  model.denoiser->predict(x, at::full({3}, 2, at::kLong), model.conditioner->encode(prompts))
      .square()
      .mean()
      .backward();
  for (const auto& [name, tensor] : model.denoiser->parameters()) {
    ASSERT_TRUE(tensor.grad().defined()) << name;
    EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, StrangersTest, ::testing::ValuesIn(testing::strangers()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace loopline::denoiser
