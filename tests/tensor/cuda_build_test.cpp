#include "loopline/tensor/cuda_build.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace loopline::tensor {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// As LibTorch 2.14's wheel for CUDA 13.0 describes itself.
CudaBuild wheel() {
  CudaBuild build{.linked = true, .version = 13000};
  read_architectures(
      "  - CUDA Runtime 13.0\n  - NVCC architecture flags: -gencode;arch=compute_75,code=sm_75;"
      "-gencode;arch=compute_80,code=sm_80;-gencode;arch=compute_86,code=sm_86;-gencode;"
      "arch=compute_90,code=sm_90;-gencode;arch=compute_100,code=sm_100;-gencode;"
      "arch=compute_120,code=sm_120\n  - CuDNN 91.3\n",
      build);
  return build;
}

TEST(CudaBuild, ReadsWhatLibTorchSaysOfItsKernels) {
  CudaBuild build = wheel();
  EXPECT_THAT(build.kernels, ElementsAre(75, 80, 86, 90, 100, 120));
  EXPECT_TRUE(build.portable.empty());
  read_architectures("arch=compute_90a,code=sm_90a;arch=compute_121,code=compute_121", build);
  EXPECT_EQ(build.kernels.size(), 6U) << "sm_90a is for that GPU alone";
  EXPECT_THAT(build.portable, ElementsAre(121));
}

TEST(CudaBuild, KernelsRunOnTheirMajorCapabilityFromTheirMinorOneOn) {
  for (const int capability : {75, 80, 86, 87, 89, 90, 100, 103, 120, 121}) {
    EXPECT_EQ(gpu_objection(wheel(), {"GPU", capability, 0}), "") << capability;
  }
  for (const int capability : {61, 70, 72, 110}) {
    EXPECT_THAT(gpu_objection(wheel(), {"GPU", capability, 0}),
                HasSubstr("no kernels for it (but for 7.5, 8.0, 8.6, 9.0, 10.0, 12.0)"))
        << capability;
  }
}

TEST(CudaBuild, PortableCodeRunsOnEveryLaterGpu) {
  CudaBuild build = wheel();
  build.portable = {90};
  EXPECT_EQ(gpu_objection(build, {"GPU", 110, 0}), "");
  EXPECT_NE(gpu_objection(build, {"GPU", 70, 0}), "");
}

TEST(CudaBuild, WithoutKnowledgeThereIsNoObjection) {
  EXPECT_EQ(gpu_objection({}, {"GPU", 52, 0}), "");
  EXPECT_EQ(driver_objection({}, {.version = 9000}), "");
  EXPECT_EQ(driver_objection(wheel(), {}), "");
}

TEST(CudaBuild, ADriverServesItsMajorVersionAndOlderOnes) {
  CudaBuild build{.linked = true, .version = 12080};
  EXPECT_EQ(driver_objection(build, {.version = 12000}), "");
  EXPECT_EQ(driver_objection(build, {.version = 13000}), "");
  EXPECT_THAT(driver_objection(build, {.version = 11080}),
              HasSubstr("too old for this build, which needs 12.0: update the driver"));
  build.linked = false;
  EXPECT_THAT(driver_objection(build, {.version = 11080}), HasSubstr("the CUDA flavour"));
}

TEST(CudaBuild, NumbersAreWrittenAsPeopleReadThem) {
  EXPECT_EQ(cuda_version_text(12080), "12.8");
  EXPECT_EQ(cuda_version_text(13000), "13.0");
  EXPECT_EQ(capability_text(120), "12.0");
  EXPECT_EQ(capability_text(86), "8.6");
}

}  // namespace
}  // namespace loopline::tensor
