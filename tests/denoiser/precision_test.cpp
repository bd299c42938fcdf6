#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/denoiser/model.h"
#include "support/tiny_bundle.h"

namespace loopline::denoiser {
namespace {

using tensor::Precision;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct PrecisionTest : ::testing::Test {
  std::filesystem::path directory = testing::fresh_directory("precision");
  at::Tensor x = at::sin(at::arange(192, at::kFloat)).reshape({4, 3, 4, 4});
  at::Tensor t = at::tensor({1, 30, 60, 99}, at::kLong);
  Condition condition;

  void SetUp() override {
    testing::write_tiny_model(directory);
    condition.add("text", at::cos(at::arange(16, at::kFloat)).reshape({4, 2, 2}));
  }

  Model load(Precision precision) const { return load_model(directory, at::kCPU, precision); }
  at::Tensor predict(Model& model) const { return model.denoiser->predict(x, t, condition); }
};

TEST_F(PrecisionTest, Bfloat16AgreesWithinItsRounding) {
  Model full = load(Precision::kFloat32), half = load(Precision::kBFloat16);
  const at::NoGradGuard no_grad;
  const at::Tensor expected = predict(full), output = predict(half);
  EXPECT_EQ(output.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::equal(output, expected)) << "the product was not computed in bf16";
  // bfloat16 keeps 8 bits: a relative error of 2^-9 an operand, 3 of them, values up to about 2.
  EXPECT_TRUE(at::allclose(output, expected, 0, 3 * 2 / 512.0));
  EXPECT_TRUE(at::equal(predict(full), expected)) << "float32 does not follow";
}

TEST_F(PrecisionTest, GradientsAreFloat32AndAlike) {
  std::map<std::string, at::Tensor> gradients[2];
  for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16}) {
    Model model = load(precision);
    const auto trainable = select_trainable(*model.denoiser, {});
    predict(model).square().mean().backward();
    for (const auto& [name, parameter] : trainable) {
      ASSERT_TRUE(parameter.grad().defined()) << name;
      EXPECT_EQ(parameter.grad().scalar_type(), at::kFloat);
      gradients[precision == Precision::kBFloat16][name] = parameter.grad();
    }
  }
  for (const auto& [name, gradient] : gradients[0]) {
    EXPECT_TRUE(at::allclose(gradients[1].at(name), gradient, 0.02, 0.005)) << name;
  }
}

TEST_F(PrecisionTest, SamplingAndTrainingComputeTheSameBits) {
  Model model = load(Precision::kBFloat16);
  select_trainable(*model.denoiser, {});
  at::Tensor sampled;
  {
    const at::NoGradGuard no_grad;
    sampled = predict(model);
  }
  const at::Tensor trained = predict(model);
  EXPECT_TRUE(trained.requires_grad());
  EXPECT_TRUE(at::equal(trained.detach(), sampled));
  trained.sum().backward();
  at::Tensor mix = model.denoiser->parameters().at("mix");
  EXPECT_TRUE(mix.grad().defined());
  const at::NoGradGuard no_grad;
  mix.neg_();
  EXPECT_FALSE(at::equal(predict(model), sampled)) << "an old copy of the weights was used";
}

TEST_F(PrecisionTest, FrozenMatricesTakeHalfTheBytes) {
  Model model = load(Precision::kBFloat16);
  const auto trainable = select_trainable(*model.denoiser, {"gain"});
  const auto& parameters = model.denoiser->parameters();
  const at::Tensor before = predict(model).detach();
  store_frozen_as(*model.denoiser, trainable, at::kBFloat16);
  EXPECT_EQ(parameters.at("mix").nbytes(), 6U * 2);
  EXPECT_EQ(parameters.at("bias").scalar_type(), at::kFloat);
  EXPECT_EQ(parameters.at("gain").scalar_type(), at::kFloat);
  const at::Tensor after = predict(model);
  EXPECT_TRUE(at::equal(after.detach(), before)) << "autocast rounds the matrix the same way";
  after.sum().backward();
  EXPECT_TRUE(trainable.at("gain").grad().defined());
}

TEST_F(PrecisionTest, TrainedMatricesStayFloat32) {
  Model model = load(Precision::kBFloat16);
  store_frozen_as(*model.denoiser, select_trainable(*model.denoiser, {"mix"}), at::kHalf);
  EXPECT_EQ(model.denoiser->parameters().at("mix").scalar_type(), at::kFloat);
}

TEST_F(PrecisionTest, ANetworkThatRefusesStoredHalvesIsNamed) {
  testing::write_tiny_model(directory, R"(
def forward(self, x, t, c):
    normed = torch.layer_norm(x[:, :, :2, :3], [2, 3], self.mix)
    return self.gain * x + normed.mean([1, 2, 3]).reshape(-1, 1, 1, 1)
)");
  Model model = load(Precision::kBFloat16);
  EXPECT_THAT(
      [&] {
        store_frozen_as(*model.denoiser, select_trainable(*model.denoiser, {"gain"}),
                        at::kBFloat16);
      },
      ThrowsMessage<Error>(HasSubstr("frozen weights stored in BFloat16")));
}

}  // namespace
}  // namespace loopline::denoiser
