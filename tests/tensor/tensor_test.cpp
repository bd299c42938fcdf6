#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "loopline/core/error.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/json_tensor.h"
#include "loopline/tensor/noise.h"
#include "loopline/tensor/pictures.h"
#include "loopline/tensor/script_module.h"
#include "loopline/tensor/tensor_file.h"
#include "support/tiny_bundle.h"

namespace loopline::tensor {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::filesystem::path temporary(const std::string& name) {
  return testing::fresh_directory("files") / name;
}

TEST(NormalRows, DependOnTheirOwnPlaceOnly) {
  std::vector<Draw> draws;
  for (std::uint32_t slot = 0; slot < 5; ++slot) draws.push_back({.seed = 7, .slot = slot});
  const at::Tensor all = normal_rows(draws, 3, {2, 3, 5}, at::kCPU);
  for (std::int64_t row = 0; row < 5; ++row) {
    const at::Tensor alone =
        normal_rows({draws[static_cast<std::size_t>(row)]}, 3, {2, 3, 5}, at::kCPU);
    EXPECT_TRUE(at::equal(alone[0], all[row]));
  }
  EXPECT_FALSE(at::equal(normal_rows(draws, 4, {2, 3, 5}, at::kCPU), all));
  EXPECT_FALSE(at::equal(all[0], all[1]));
}

TEST(TensorFile, GivesBackEveryDtypeBitForBit) {
  const auto path = temporary("every_dtype.safetensors");
  NamedTensors tensors;
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kLong,
                                    at::kInt, at::kShort, at::kChar, at::kByte, at::kBool}) {
    tensors.emplace(at::toString(type), at::arange(6, at::kFloat).reshape({2, 3}).to(type));
  }
  tensors.emplace("scalar", at::full({}, 0.1));
  tensors.emplace("strided", at::arange(6, at::kFloat).reshape({2, 3}).t());
  save_tensors(path, tensors);
  const NamedTensors loaded = load_tensors(path);
  ASSERT_EQ(loaded.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(loaded.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(loaded.at(name), tensor)) << name;
  }
}

TEST(CopyTensors, NamesWhatDoesNotFit) {
  const NamedTensors target{{"a", at::zeros({2})}, {"b", at::zeros({1})}};
  EXPECT_THAT(
      [&] {
        copy_tensors({{"a", at::ones({2})}}, target, "f");
      },
      ThrowsMessage<Error>(HasSubstr("\"b\" is missing")));
  EXPECT_THAT(
      [&] {
        copy_tensors({{"c", at::ones({2})}}, target, "f");
      },
      ThrowsMessage<Error>(HasSubstr("unexpected tensor \"c\"")));
  EXPECT_THAT(
      [&] {
        copy_tensors({{"a", at::ones({3})}, {"b", at::ones({1})}}, target, "f");
      },
      ThrowsMessage<Error>(HasSubstr("another shape")));
  copy_tensors({{"a", at::ones({2})}, {"b", at::ones({1})}}, target, "f");
  EXPECT_TRUE(at::equal(target.at("a"), at::ones({2})));
}

TEST(TensorFromJson, FillsOrMatchesTheShape) {
  using nlohmann::json;
  EXPECT_TRUE(
      at::equal(tensor_from_json(json(3), {2}, at::kLong, "w"), at::full({2}, 3, at::kLong)));
  EXPECT_TRUE(at::equal(tensor_from_json(json::parse("[[1,2],[3,4]]"), {2, 2}, at::kFloat, "w"),
                        at::arange(1, 5, at::kFloat).reshape({2, 2})));
  EXPECT_THAT([] { tensor_from_json(json::parse("[1]"), {2}, at::kFloat, "here"); },
              ThrowsMessage<Error>(HasSubstr("here")));
  EXPECT_THROW(tensor_from_json(json::parse("[1,\"x\"]"), {2}, at::kFloat, "w"), Error);
  EXPECT_THROW(parse_scalar_type("float33"), Error);
}

TEST(TensorFromMetadata, StacksOneRowAPromptAndNamesWhatLacksTheKey) {
  std::vector<io::Prompt> prompts{io::make_prompt("a"), io::make_prompt("b")};
  prompts[0].metadata["class"] = 3;
  EXPECT_THAT([&] { tensor_from_metadata(prompts, "class", {}, at::kLong, "the model"); },
              ThrowsMessage<Error>(::testing::AllOf(
                  HasSubstr("prompt \"b\""), HasSubstr("\"class\""), HasSubstr("the model"))));
  prompts[1].metadata["class"] = 5;
  EXPECT_TRUE(at::equal(tensor_from_metadata(prompts, "class", {}, at::kLong, "the model"),
                        at::tensor({3, 5}, at::kLong)));
}

TEST(ScriptModule, SharesItsParameters) {
  const auto directory = testing::fresh_directory("script_module");
  testing::write_tiny_model(directory);
  const ScriptModule module(directory / "denoiser.ts", at::kCPU);
  const at::Tensor x = at::ones({2, 3, 4, 4}), t = at::zeros({2}, at::kLong),
                   c = at::ones({2, 2, 2});
  at::Tensor gain = module.parameters().at("gain");
  const at::Tensor before = module.call({x, t, c});
  gain.add_(1);
  EXPECT_TRUE(at::allclose(module.call({x, t, c}) - before, x));
}

TEST(ScriptModule, SaysInOneLineWhatIsWrong) {
  const auto directory = testing::fresh_directory("script_module_errors");
  testing::write_tiny_model(directory);
  EXPECT_THAT([&] { ScriptModule(directory / "bundle.json", at::kCPU); },
              ThrowsMessage<Error>(HasSubstr("not a loadable TorchScript file")));
  const ScriptModule module(directory / "denoiser.ts", at::kCPU);
  try {
    module.call({at::ones({2, 3, 4, 4})});
    FAIL() << "a call without arguments succeeded";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("denoiser.ts"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
  EXPECT_THROW(
      module.call({at::ones({2, 3, 4, 4}), at::zeros({2}, at::kLong), at::ones({2, 2, 2})}, 1),
      Error);
}

TEST(Device, NamesWhatIsOffered) {
  EXPECT_EQ(parse_device("cpu"), at::Device(at::kCPU));
  EXPECT_THAT([] { parse_device("tpu"); }, ThrowsMessage<Error>(HasSubstr("auto, cpu, cuda")));
  if (cuda_device_count() == 0) {
    EXPECT_EQ(parse_device("auto"), at::Device(at::kCPU));
    EXPECT_THAT([] { parse_device("cuda"); }, ThrowsMessage<Error>(HasSubstr("no usable CUDA")));
  }
}

TEST(Pictures, RoundToTheNearestLevel) {
  at::Tensor image = at::zeros({1, 3, 1, 2});
  image[0][0][0][1] = 1.0;
  image[0][1][0][0] = 0.5;
  image[0][2][0][0] = -3;
  const auto pictures = to_images(image);
  ASSERT_EQ(pictures.size(), 1U);
  EXPECT_EQ(pictures[0].pixels, (std::vector<std::uint8_t>{0, 128, 0, 255, 0, 0}));
}

}  // namespace
}  // namespace loopline::tensor
