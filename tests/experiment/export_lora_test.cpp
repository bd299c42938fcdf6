#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/experiment/export.h"
#include "loopline/experiment/inspect.h"
#include "loopline/tensor/script_module.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/training_run.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using tensor::NamedTensors;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A bundle of rank 3 and alpha 5: the scale 5/3 is none of the powers of two, which fold exactly.
struct ExportLoraTest : ::testing::Test {
  static constexpr double kScale = 5.0 / 3;
  fs::path world = testing::make_tiny_world("export_lora");

  void SetUp() override { testing::write_lora_model(world / "model", 3, 5); }

  void train(const std::string& run = "run", const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all{"iterations=3", "samples.every=0", "precision=fp32"};
    all.insert(all.end(), more.begin(), more.end());
    const auto progress = run::silent_progress();
    train::start_run(train::load_train_plan(world / "run.yaml", all), world / run, {}, *progress);
  }

  fs::path write(ExportFormat format, const std::string& out,
                 const std::string& run = "run") const {
    return export_run({world / run, format, world / out}).out;
  }

  NamedTensors tensors(ExportFormat format, const std::string& out) const {
    return tensor::load_tensors(write(format, out));
  }

  tensor::ScriptModule network(const std::string& run = "run") const {
    return {write(ExportFormat::kTorchScript, run + ".ts", run), at::kCPU};
  }
};

std::vector<std::string> keys(const NamedTensors& tensors) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors) names.push_back(name);
  return names;
}

at::Tensor answer(const tensor::ScriptModule& network) {
  const at::Tensor x = at::sin(at::arange(2 * 48, at::kFloat)).reshape({2, 3, 4, 4});
  const at::Tensor text = at::cos(at::arange(8, at::kFloat)).reshape({2, 2, 2});
  return network.call({x, at::tensor({7, 80}, at::kLong), text}).detach();
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST_F(ExportLoraTest, DiffusersFoldsTheScaleIntoB) {
  train();
  const NamedTensors file = tensors(ExportFormat::kDiffusers, "pytorch_lora_weights.safetensors");
  EXPECT_THAT(keys(file),
              ElementsAre("unet.attn.to_k.lora_A.weight", "unet.attn.to_k.lora_B.weight",
                          "unet.conv.lora_A.weight", "unet.conv.lora_B.weight"));
  const tensor::ScriptModule trained = network();
  for (const std::string layer : {"attn.to_k", "conv"}) {
    const auto& own = trained.parameters();
    EXPECT_TRUE(at::equal(file.at("unet." + layer + ".lora_A.weight"),
                          own.at(layer + ".lora_A.default.weight")));
    const at::Tensor& up = own.at(layer + ".lora_B.default.weight");
    EXPECT_GT(up.abs().max().item<double>(), 0.01) << "trained";
    EXPECT_LT(distance(file.at("unet." + layer + ".lora_B.weight"), up * kScale), 1e-7);
  }
  EXPECT_EQ(inspect(world / "pytorch_lora_weights.safetensors")["metadata"]["format"], "pt");
}

TEST_F(ExportLoraTest, KohyaHasAlphaBesideThem) {
  train();
  const NamedTensors file = tensors(ExportFormat::kKohya, "kohya.safetensors");
  EXPECT_THAT(keys(file),
              ElementsAre("lora_unet_attn_to_k.alpha", "lora_unet_attn_to_k.lora_down.weight",
                          "lora_unet_attn_to_k.lora_up.weight", "lora_unet_conv.alpha",
                          "lora_unet_conv.lora_down.weight", "lora_unet_conv.lora_up.weight"));
  const tensor::ScriptModule trained = network();
  EXPECT_TRUE(at::equal(file.at("lora_unet_conv.lora_up.weight"),
                        trained.parameters().at("conv.lora_B.default.weight")));
  const at::Tensor& alpha = file.at("lora_unet_conv.alpha");
  EXPECT_EQ(alpha.dim(), 0);
  EXPECT_EQ(alpha.scalar_type(), at::kFloat);
  EXPECT_EQ(alpha.item<double>(), 5);
}

TEST_F(ExportLoraTest, TheMergedNetworkComputesWhatTheAdaptedOneDoes) {
  train();
  const NamedTensors merged = tensors(ExportFormat::kMerged, "unet.safetensors");
  EXPECT_THAT(keys(merged),
              ElementsAre("attn.to_k.bias", "attn.to_k.weight", "conv.bias", "conv.weight"));
  const at::Tensor adapted = answer(network());
  const tensor::ScriptModule base(world / "model/denoiser.ts", at::kCPU);
  EXPECT_GT(distance(answer(base), adapted), 0.01);
  for (const auto& [name, tensor] : merged) {  // onto the base, whose adapters are still 0
    const std::size_t dot = name.rfind('.');
    base.parameters().at(name.substr(0, dot) + ".base_layer" + name.substr(dot)).copy_(tensor);
  }
  EXPECT_LT(distance(answer(base), adapted), 1e-6);
}

TEST_F(ExportLoraTest, ARunThatStartsFromTheFileIsThatNetwork) {
  train();
  const tensor::ScriptModule own = network();
  const at::Tensor trained = answer(own);
  const auto start = [&](const std::string& run, const fs::path& file) {
    train(run, {"init_from=" + file.string(), "iterations=1", "optimizer.lr=1e-12",
                "optimizer.weight_decay=0"});
    return answer(network(run));
  };
  EXPECT_LT(distance(start("diffusers", write(ExportFormat::kDiffusers, "d.safetensors")), trained),
            1e-6);
  EXPECT_LT(distance(start("kohya", write(ExportFormat::kKohya, "k.safetensors")), trained), 1e-6);
  const NamedTensors initial = tensor::load_tensors(world / "kohya/init.safetensors");
  for (const auto& [name, tensor] : own.parameters()) {
    if (name.find("lora_") == std::string::npos) continue;
    EXPECT_TRUE(at::equal(initial.at(name), tensor)) << name;
  }
  EXPECT_EQ(initial.size(), 4U);

  testing::write_lora_model(world / "model", 6, 2);  // of another rank and scale
  EXPECT_LT(distance(start("wider", world / "d.safetensors"), trained), 1e-6);
}

TEST_F(ExportLoraTest, WeightsBesideTheAdaptersNeedTheMergedFile) {
  train("run", {"trainable=[\"*lora_*\", \"*.bias\"]"});
  for (const ExportFormat format : {ExportFormat::kDiffusers, ExportFormat::kKohya}) {
    EXPECT_THAT([&] { write(format, "lora.safetensors"); },
                ThrowsMessage<Error>(AllOf(HasSubstr("base_layer.bias"), HasSubstr("merged"))));
  }
  EXPECT_FALSE(fs::exists(world / "lora.safetensors"));
  const NamedTensors merged = tensors(ExportFormat::kMerged, "merged.safetensors");
  EXPECT_TRUE(at::equal(merged.at("conv.bias"), network().parameters().at("conv.base_layer.bias")));
}

TEST_F(ExportLoraTest, WithoutAdaptersMergedIsThePlainState) {
  testing::write_tiny_model(world / "model");
  train();
  EXPECT_THAT([&] { write(ExportFormat::kKohya, "lora.safetensors"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("no low-rank adapters"), HasSubstr("merged"))));
  const NamedTensors merged = tensors(ExportFormat::kMerged, "merged.safetensors");
  EXPECT_THAT(keys(merged), ElementsAre("bias", "gain", "mix", "unused")) << "and no buffer";
  EXPECT_TRUE(at::equal(merged.at("mix"), network().parameters().at("mix")));
}

TEST_F(ExportLoraTest, AManifestThatContradictsTheNetworkIsAnError) {
  train();
  const auto edit = [&](const std::string& from, const std::string& to) {
    std::string manifest = read_file(world / "model/bundle.json");
    manifest.replace(manifest.find(from), from.size(), to);
    std::ofstream(world / "model/bundle.json", std::ios::binary) << manifest;
    fs::remove_all(world / "run");
    train();
  };
  edit("\"rank\": 3", "\"rank\": 4");
  EXPECT_THAT([&] { write(ExportFormat::kMerged, "merged.safetensors"); },
              ThrowsMessage<Error>(HasSubstr("has not the rank 4")));
  edit("\"adapter\"", "\"provenance\": {}, \"trainable\": {\"names\": {}}, \"adapter\"");
  edit("\"names\": {}", R"("names": {"conv.lora_A.default.weight": "attn.to_k.lora_A.weight"})");
  EXPECT_THAT([&] { write(ExportFormat::kDiffusers, "lora.safetensors"); },
              ThrowsMessage<Error>(HasSubstr("two adapters at attn.to_k")));
}

}  // namespace
}  // namespace loopline::experiment
