#include "loopline/tensor/cuda_options.h"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loopline::tensor {
namespace {

TEST(CudaOptions, SetLibTorchsSwitches) {
  at::Context& context = at::globalContext();
  set_cuda_options({.tf32 = true, .deterministic = false, .benchmark = true, .attention = "math"});
  EXPECT_TRUE(context.allowTF32CuBLAS());
  EXPECT_TRUE(context.allowTF32CuDNN());
  EXPECT_TRUE(context.benchmarkCuDNN());
  EXPECT_FALSE(context.deterministicAlgorithms());
  EXPECT_FALSE(context.userEnabledFlashSDP());
  EXPECT_TRUE(context.userEnabledMathSDP());

  set_cuda_options({});
  EXPECT_FALSE(context.allowTF32CuBLAS());
  EXPECT_FALSE(context.allowTF32CuDNN());
  EXPECT_FALSE(context.benchmarkCuDNN());
  EXPECT_TRUE(context.deterministicAlgorithms());
  EXPECT_TRUE(context.userEnabledFlashSDP());
  EXPECT_TRUE(context.userEnabledMemEfficientSDP());
}

TEST(CudaOptions, AreReadBackFromLibTorch) {
  for (const CudaOptions& wanted :
       {CudaOptions{},
        CudaOptions{.tf32 = true, .deterministic = false, .benchmark = true, .attention = "math"},
        CudaOptions{.tf32 = true}, CudaOptions{.benchmark = true, .attention = "cudnn"}}) {
    set_cuda_options(wanted);
    const CudaOptions found = cuda_options();
    EXPECT_EQ(found.tf32, wanted.tf32);
    EXPECT_EQ(found.deterministic, wanted.deterministic);
    EXPECT_EQ(found.benchmark, wanted.benchmark);
    EXPECT_EQ(found.attention, wanted.attention);
  }
  set_cuda_options({});
}

TEST(CudaOptions, OneKernelOfAttentionExcludesTheOthers) {
  at::Context& context = at::globalContext();
  for (const std::string& kernel : attention_kernels()) {
    set_cuda_options({.attention = kernel});
    const int enabled = context.userEnabledFlashSDP() + context.userEnabledMemEfficientSDP() +
                        context.userEnabledCuDNNSDP() + context.userEnabledMathSDP();
    EXPECT_EQ(enabled, kernel == "auto" ? 4 : 1) << kernel;
  }
  set_cuda_options({});
}

}  // namespace
}  // namespace loopline::tensor
