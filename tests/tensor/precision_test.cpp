#include "loopline/tensor/precision.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/tensor/device.h"

namespace loopline::tensor {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

at::ScalarType product_type() {
  const at::Tensor a = at::ones({2, 2});
  return at::matmul(a, a).scalar_type();
}

TEST(Precision, NamesAreReadAndRefused) {
  EXPECT_EQ(parse_precision("fp32", at::kCPU), Precision::kFloat32);
  EXPECT_EQ(parse_precision("bf16", at::kCPU), Precision::kBFloat16);
  EXPECT_EQ(parse_precision("auto", at::kCPU) == Precision::kBFloat16, cpu_has_bf16());
  EXPECT_THAT([] { parse_precision("fp16", at::kCPU); },
              ThrowsMessage<Error>(HasSubstr("loss scaling")));
  EXPECT_THAT([] { parse_precision("half", at::kCPU); },
              ThrowsMessage<Error>(HasSubstr("auto, fp32 or bf16")));
  EXPECT_EQ(to_string(Precision::kBFloat16), "bf16");
}

TEST(AutocastScope, EndsWhereItEnds) {
  {
    const AutocastScope nothing(at::kCPU, Precision::kFloat32);
    EXPECT_EQ(product_type(), at::kFloat);
    const AutocastScope outer(at::kCPU, Precision::kBFloat16);
    { const AutocastScope inner(at::kCPU, Precision::kBFloat16); }
    EXPECT_EQ(product_type(), at::kBFloat16);
  }
  EXPECT_EQ(product_type(), at::kFloat);
}

TEST(AutocastScope, WeightsCopiedWithoutGradientsAreNotUsedWithThem) {
  const AutocastScope outer(at::kCPU, Precision::kBFloat16);
  at::Tensor weight = at::ones({2, 2}).set_requires_grad(true);
  {
    const at::NoGradGuard no_grad;
    const AutocastScope sampling(at::kCPU, Precision::kBFloat16);
    at::matmul(at::ones({2, 2}), weight);
  }
  at::matmul(at::ones({2, 2}), weight).sum().backward();
  EXPECT_TRUE(weight.grad().defined());
  EXPECT_EQ(weight.grad().scalar_type(), at::kFloat);
}

}  // namespace
}  // namespace loopline::tensor
