#include "loopline/experiment/export.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/experiment/inspect.h"
#include "loopline/experiment/sample.h"
#include "loopline/io/model_bundle.h"
#include "loopline/tensor/script_module.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/training_run.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

struct ExportTest : ::testing::Test {
  fs::path world = testing::make_tiny_world("export");

  /// Replaces `from` in the manifest, once.
  void edit_manifest(const std::string& from, const std::string& to) const {
    std::string manifest = read_file(world / "model/bundle.json");
    ASSERT_NE(manifest.find(from), std::string::npos);
    manifest.replace(manifest.find(from), from.size(), to);
    std::ofstream(world / "model/bundle.json", std::ios::binary) << manifest;
  }

  void train(const std::vector<std::string>& assignments = {}) const {
    std::vector<std::string> all{"iterations=3", "samples.every=0", "precision=fp32"};
    all.insert(all.end(), assignments.begin(), assignments.end());
    const auto progress = run::silent_progress();
    train::start_run(train::load_train_plan(world / "run.yaml", all), world / "run", {}, *progress);
  }

  Exported write(ExportFormat format, const std::string& out, bool force = false) const {
    return export_run({world / "run", format, world / out, force});
  }

  std::vector<std::uint8_t> draw(const fs::path& target, bool base = false) const {
    const auto progress = run::silent_progress();
    return sample_images({.target = target,
                          .prompts = {io::make_prompt("dark"), io::make_prompt("light")},
                          .count = 3,
                          .seed = 5,
                          .zoom = 1,
                          .base = base,
                          .threads = 1,
                          .device = "cpu"},
                         *progress)
        .pixels;
  }
};

TEST_F(ExportTest, TheBundleDrawsTheRunsImages) {
  train();
  const Exported exported = write(ExportFormat::kBundle, "trained/");
  EXPECT_EQ(exported.iteration, 3);
  EXPECT_THAT(exported.files, ::testing::ElementsAre("bundle.json", "denoiser.ts",
                                                     "text_encoder.ts", "tokenizer.json"));
  EXPECT_EQ(draw(world / "trained"), draw(world / "run"));
  EXPECT_NE(draw(world / "trained"), draw(world / "run", true)) << "training changed something";
}

TEST_F(ExportTest, TheManifestSaysWhatTrainedIt) {
  edit_manifest("\"trainable\"", R"("provenance": {"licence": "CC0-1.0"}, "trainable")");
  train({"sampler.steps=3", "sampler.eta=0.5"});
  write(ExportFormat::kBundle, "trained");
  const io::ModelBundle base = io::load_model_bundle(world / "model"),
                        trained = io::load_model_bundle(world / "trained");
  EXPECT_EQ(trained.provenance["licence"], "CC0-1.0");
  EXPECT_EQ(trained.provenance["trained"]["algorithm"], "loop");
  EXPECT_EQ(trained.provenance["trained"]["iteration"], 3);
  EXPECT_EQ(trained.provenance["trained"]["base_bundle_hash"], base.hash);
  EXPECT_EQ(trained.transition.steps, 3) << "the run's sampler";
  EXPECT_EQ(trained.transition.eta, 0.5);
  EXPECT_EQ(trained.transition.min_sigma, base.transition.min_sigma);
  EXPECT_EQ(draw(world / "trained"), draw(world / "run"));
}

TEST_F(ExportTest, AnExportedBundleTrainsOn) {
  train();
  write(ExportFormat::kBundle, "trained");
  fs::rename(world / "run", world / "first");
  train({"model=" + (world / "trained").string()});
  write(ExportFormat::kBundle, "again");
  const auto provenance = io::load_model_bundle(world / "again").provenance["trained"];
  EXPECT_EQ(provenance["before"]["base_bundle_hash"], io::load_model_bundle(world / "model").hash);
}

TEST_F(ExportTest, TorchScriptIsTheNetworkAlone) {
  train();
  write(ExportFormat::kTorchScript, "new/denoiser.ts");
  write(ExportFormat::kBundle, "trained");
  const tensor::ScriptModule alone(world / "new/denoiser.ts", at::kCPU),
      in_bundle(world / "trained/denoiser.ts", at::kCPU),
      base(world / "model/denoiser.ts", at::kCPU);
  for (const auto& [name, tensor] : alone.parameters()) {
    EXPECT_TRUE(at::equal(tensor, in_bundle.parameters().at(name))) << name;
    EXPECT_EQ(at::equal(tensor, base.parameters().at(name)), name == "unused") << name;
  }
}

TEST_F(ExportTest, SafetensorsHoldsParametersAndBuffersUnderTheirExportedNames) {
  edit_manifest(R"("patterns": ["mix", "bias", "gain"])",
                R"("patterns": ["mix"], "names": {"mix": "unet.mix.weight"})");
  train();
  write(ExportFormat::kSafetensors, "state.safetensors");
  write(ExportFormat::kTorchScript, "denoiser.ts");
  const tensor::ScriptModule module(world / "denoiser.ts", at::kCPU);
  const auto state = tensor::load_tensors(world / "state.safetensors");
  ASSERT_EQ(state.size(), module.parameters().size() + module.buffers().size());
  EXPECT_EQ(module.buffers().size(), 1U);
  EXPECT_TRUE(at::equal(state.at("unet.mix.weight"), module.parameters().at("mix")));
  EXPECT_TRUE(at::equal(state.at("gain"), module.parameters().at("gain")));
  EXPECT_TRUE(at::equal(state.at("zero"), module.buffers().at("zero")));
  EXPECT_EQ(inspect(world / "state.safetensors")["metadata"]["format"], "pt");
}

TEST_F(ExportTest, TwoTensorsOfOneNameAreAnError) {
  edit_manifest(R"("patterns": ["mix", "bias", "gain"])", R"("names": {"mix": "gain"})");
  train({"trainable=[mix]"});
  EXPECT_THAT([&] { write(ExportFormat::kSafetensors, "state.safetensors"); },
              ThrowsMessage<Error>(HasSubstr("two tensors the name \"gain\"")));
  EXPECT_FALSE(fs::exists(world / "state.safetensors"));
}

TEST_F(ExportTest, InspectKnowsEachOfThem) {
  train();
  write(ExportFormat::kBundle, "trained");
  write(ExportFormat::kTorchScript, "denoiser.ts");
  EXPECT_EQ(inspect(world / "trained")["provenance"]["trained"]["iteration"], 3);
  const auto script = inspect(world / "denoiser.ts");
  EXPECT_EQ(script["kind"], "TorchScript");
  EXPECT_EQ(script["parameters"].size(), 4U);
  EXPECT_EQ(script["parameters_total"], 11);
  EXPECT_EQ(script["buffers"][0]["name"], "zero");
  testing::write_script(world / "cpu.ts", R"(
def forward(self, x):
    return x + torch.arange(4, device=torch.device("cpu"))
)");
  EXPECT_EQ(inspect(world / "cpu.ts")["device_constants"][0],
            "cpu in aten::arange (mended at load for other devices)");
}

TEST_F(ExportTest, ReplacesWithForceAndOnlyWhatItMayHaveWritten) {
  train();
  write(ExportFormat::kBundle, "trained");
  EXPECT_THAT([&] { write(ExportFormat::kBundle, "trained"); },
              ThrowsMessage<Error>(HasSubstr("--force")));
  EXPECT_NO_THROW(write(ExportFormat::kBundle, "trained", true));
  EXPECT_EQ(draw(world / "trained"), draw(world / "run"));
  for (const char* held : {"model", "run", "reward", "."}) {
    EXPECT_THROW(write(ExportFormat::kBundle, held, true), Error) << held;
  }
  EXPECT_TRUE(fs::exists(world / "model/denoiser.ts"));
  EXPECT_THAT([&] { write(ExportFormat::kSafetensors, "state.ts"); },
              ThrowsMessage<Error>(HasSubstr("must end in .safetensors")));
  EXPECT_THAT(
      [&] { parse_export_format("onnx"); },
      ThrowsMessage<Error>(HasSubstr("use one of bundle, torchscript, safetensors, diffusers")));
}

}  // namespace
}  // namespace loopline::experiment
