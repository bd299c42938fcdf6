#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/denoiser/model.h"
#include "support/tiny_bundle.h"

namespace loopline::denoiser {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::ThrowsMessage;

/// Loads a tiny model whose network is `source`.
void load_network(const std::string& source) {
  const auto path = testing::fresh_directory("probe");
  testing::write_tiny_model(path, "\ndef forward(self, x, t, c):\n    " + source + "\n");
  load_model(path, at::kCPU);
}

TEST(Probe, RefusesABatchSizeOfOne) {
  EXPECT_THAT(
      [] {
        load_network("return self.gain * x + torch.sin(t.to(x.dtype) * 0.01).reshape(1, 1, 1, 1)");
      },
      ThrowsMessage<Error>(
          AllOf(HasSubstr("batch size is baked"), HasSubstr("runs on 1 row and fails on 3"))));
}

TEST(Probe, RefusesABatchSizeOfTwo) {
  EXPECT_THAT([] { load_network("return self.gain * x * torch.ones(2, 3, 4, 4)"); },
              ThrowsMessage<Error>(HasSubstr("runs on 2 rows")));
}

TEST(Probe, RefusesABatchSizeOfThree) {
  EXPECT_THAT([] { load_network("return self.gain * x.reshape(3, 3, 4, 4)"); },
              ThrowsMessage<Error>(HasSubstr("runs on 3 rows and fails on 1")));
}

TEST(Probe, RefusesABakedBatchSizeThatGivesAnotherShape) {
  EXPECT_THAT([] { load_network("return (self.gain * x).reshape(1, -1, 4, 4)"); },
              ThrowsMessage<Error>(HasSubstr("runs on 1 row and fails on 3")));
}

TEST(Probe, RefusesDropout) {
  EXPECT_THAT([] { load_network("return torch.dropout(x + t[0], 0.1, True)"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("random numbers"), HasSubstr("eval()"))));
}

TEST(Probe, RefusesNormalisationInTrainMode) {
  EXPECT_THAT(
      [] {
        load_network("return torch.batch_norm(x, None, None, None, None, True, 0.1, 1e-5, False)");
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("influence each other"), HasSubstr("eval()"))));
}

TEST(Probe, RefusesAConditionSharedByTheBatch) {
  EXPECT_THAT([] { load_network("return x + c[0].mean()"); },
              ThrowsMessage<Error>(HasSubstr("influence each other")));
}

TEST(Probe, RefusesATimestepSharedByTheBatch) {
  for (const char* source :
       {"return x + torch.sin(t[0].to(x.dtype) * 0.01)",
        "return x + torch.sin(t[-1].to(x.dtype) * 0.01)",
        "return x + torch.sin(torch._unique2(t)[0].to(x.dtype)).reshape([])"}) {
    EXPECT_THAT([&] { load_network(source); },
                ThrowsMessage<Error>(AllOf(HasSubstr("one timestep is shared by the batch"),
                                           HasSubstr("timestep.batch: scalar"))))
        << source;
  }
}

TEST(Probe, RefusesAnotherOutputShape) {
  EXPECT_THAT([] { load_network("return torch.cat([x, x], 1)"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("[3, 6, 4, 4]"), HasSubstr("output.channels"),
                                         Not(HasSubstr("batch size")))));
}

TEST(Probe, RefusesWhatIsNotFinite) {
  EXPECT_THAT([] { load_network("return x / torch.zeros(1)"); },
              ThrowsMessage<Error>(HasSubstr("not finite")));
}

TEST(Probe, SaysWhyNoCallSucceeds) {
  EXPECT_THAT([] { load_network("return torch.matmul(x, torch.ones(7, 7))"); },
              ThrowsMessage<Error>(
                  AllOf(HasSubstr("does not run on a batch of 3"), HasSubstr("`inputs`"))));
}

TEST(Probe, PassesWhatDiffersInItsLastBitsOnly) {
  EXPECT_NO_THROW(load_network("return x + 0.00001 * (x - x.mean())"));
}

}  // namespace
}  // namespace loopline::denoiser
