#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/tensor/script_module.h"
#include "support/faulty_file_system.h"
#include "support/tiny_bundle.h"

namespace loopline::tensor {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A file whose forward(x) is `body`.
std::filesystem::path file(const std::string& body) {
  const auto path = testing::fresh_directory("device_constants") / "module.ts";
  testing::write_script(path, "\ndef forward(self, x):\n" + body);
  return path;
}

std::vector<std::string> names(const ScriptModule& module) {
  std::vector<std::string> names;
  for (const DeviceConstant& constant : module.device_constants()) {
    names.push_back(constant.device + " " + constant.op + (constant.movable ? " +" : " -"));
  }
  return names;
}

// A trace made on a GPU names it wherever it made a tensor, and could not run on a CPU.
TEST(DeviceConstants, AreMovedToWhereTheFileIsLoaded) {
  const ScriptModule module(file(R"(
    device = torch.device("cuda:0")
    if x.dim() == 1:
        x = x + torch.arange(4, device=device)
    x = x + torch.zeros_like(x, device=device) + torch.full([4], 2.0, device=torch.device("cuda"))
    return x.to(torch.device("cuda:1"), 6)
)"),
                            at::kCPU);
  EXPECT_TRUE(at::equal(module.call({at::ones({4})}), at::arange(3, 7, at::kFloat)));
  EXPECT_THAT(names(module),
              ::testing::UnorderedElementsAre("cuda:0 aten::arange +", "cuda:0 aten::zeros_like +",
                                              "cuda aten::full +", "cuda:1 aten::to +"));
}

// The direction that matters most, CPU to GPU; the meta device stands for one.
TEST(DeviceConstants, OfATraceOnTheCpuMoveAway) {
  const ScriptModule module(file("    return x * torch.arange(4, device=torch.device(\"cpu\"))\n"),
                            at::kMeta);
  const at::Tensor result = module.call({at::ones({4}, at::kMeta)});
  EXPECT_TRUE(result.is_meta());
  EXPECT_EQ(result.sizes(), (std::vector<std::int64_t>{4}));
}

TEST(DeviceConstants, StayWhereTheyAreRight) {
  const ScriptModule module(
      file("    return x + torch.rand([4], device=torch.device(\"cpu\")) * 0\n"), at::kCPU);
  EXPECT_TRUE(at::equal(module.call({at::ones({4})}), at::ones({4})));
  EXPECT_THAT(names(module), ::testing::ElementsAre("cpu aten::rand -"));
}

TEST(DeviceConstants, ThatCannotBeMovedAreRefused) {
  EXPECT_THAT(
      [] {
        ScriptModule(file("    return x + torch.rand([4], device=torch.device(\"cuda:0\"))\n"),
                     at::kCPU);
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("cuda:0 in aten::rand"), HasSubstr("x.device"))));
  EXPECT_THAT(
      [] {
        ScriptModule(file(R"(
    device = torch.device("cuda:0") if x.dim() == 1 else torch.device("cpu")
    return x + torch.ones([4], device=device)
)"),
                     at::kCPU);
      },
      ThrowsMessage<Error>(HasSubstr("cuda:0 in prim::")));
}

TEST(DeviceConstants, AComparisonKeepsItsMeaning) {
  const ScriptModule module(file(R"(
    if x.device == torch.device("cuda:0"):
        return x + 1
    return x
)"),
                            at::kCPU);
  EXPECT_TRUE(at::equal(module.call({at::ones({4})}), at::ones({4})));
  EXPECT_TRUE(module.device_constants().empty());
}

TEST(DeviceConstants, AreFoundInSubmodules) {
  const auto path = testing::fresh_directory("device_constants") / "module.ts";
  testing::write_nested_script(path, R"(
def forward(self, x):
    return x + torch.ones([4], device=torch.device("cuda:0"))
)");
  const ScriptModule module(path, at::kCPU);
  EXPECT_THAT(names(module), ::testing::ElementsAre("cuda:0 aten::ones +"));
  EXPECT_TRUE(at::equal(module.call({at::ones({4})}), at::full({4}, 2.0)));
}

TEST(DeviceConstants, AreMovedInMethodsBesideForward) {
  const ScriptModule module(file(R"(
    return x

def other(self, x):
    return x + torch.ones([4], device=torch.device("cuda:0")), x
)"),
                            at::kCPU);
  EXPECT_TRUE(module.has_method("other"));
  EXPECT_FALSE(module.has_method("another"));
  EXPECT_TRUE(at::equal(module.call_method("other", {at::ones({4})}, 0), at::full({4}, 2.0)));
  EXPECT_EQ(module.call_method_all("other", {at::ones({4})}).size(), 2U);
}

TEST(ScriptModule, SavesItsTensorsAsTheyAre) {
  const auto directory = testing::fresh_directory("script_module_save");
  testing::write_tiny_model(directory);
  const ScriptModule module(directory / "denoiser.ts", at::kCPU);
  at::Tensor gain = module.parameters().at("gain");
  gain.fill_(0.125);
  module.save(directory / "copy.ts");
  const ScriptModule copy(directory / "copy.ts", at::kCPU);
  EXPECT_TRUE(at::equal(copy.parameters().at("gain"), gain));
  const std::vector<at::Tensor> arguments{at::ones({2, 3, 4, 4}), at::zeros({2}, at::kLong),
                                          at::ones({2, 2, 2})};
  EXPECT_TRUE(at::equal(copy.call(arguments), module.call(arguments)));
  EXPECT_THROW(module.save(directory / "nowhere" / "copy.ts"), Error);

  // Every write goes through the seam: none of them may fail without being noticed.
  std::int64_t calls = 0;
  for (std::int64_t call = 1; call == 1 || call <= calls; ++call) {
    testing::FaultyFileSystem faulty(call, ENOSPC, testing::FaultyFileSystem::Fault::kShortWrite);
    const FileSystemScope scope(faulty);
    EXPECT_THAT([&] { module.save(directory / "copy.ts"); },
                ::testing::ThrowsMessage<Error>(::testing::HasSubstr("No space left on device")))
        << call;
    if (call == 1) {
      testing::FaultyFileSystem sound;
      const FileSystemScope inner(sound);
      module.save(directory / "copy.ts");
      calls = sound.calls();
    }
  }
  EXPECT_GT(calls, 5);
}

}  // namespace
}  // namespace loopline::tensor
