#include "loopline/train/lora_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/tensor/script_module.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using tensor::NamedTensors;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A bundle of rank 4 and alpha 6 (scale 1.5), with adapters on attn.to_k [3, 2] and on conv.
struct LoraFileTest : ::testing::Test {
  fs::path world = testing::make_tiny_world("lora_file");
  io::ModelBundle bundle;
  NamedTensors parameters;
  std::optional<tensor::ScriptModule> module;

  void SetUp() override {
    testing::write_lora_model(world / "model", 4, 6);
    bundle = io::load_model_bundle(world / "model");
    module.emplace(bundle.denoiser, at::kCPU);
    parameters = module->parameters();
  }

  fs::path write(const NamedTensors& tensors,
                 const std::map<std::string, std::string>& metadata = {},
                 const std::string& name = "lora.safetensors") const {
    tensor::save_tensors(world / name, tensors, metadata);
    return world / name;
  }

  LoraWeights read(const fs::path& file) const { return read_lora_file(file, bundle, parameters); }

  /// What the weights that were read add to attn.to_k's, [3, 2].
  static at::Tensor change(const LoraWeights& weights) {
    return 1.5 * at::mm(weights.tensors.at("attn.to_k.lora_B.default.weight"),
                        weights.tensors.at("attn.to_k.lora_A.default.weight"));
  }

  std::string error_of(const NamedTensors& tensors) const {
    try {
      read(write(tensors));
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
};

at::Tensor numbers(std::vector<std::int64_t> shape, double step) {
  return at::cos(at::arange(c10::multiply_integers(shape), at::kFloat) * step).reshape(shape);
}

const at::Tensor kDown = numbers({2, 2}, 0.7), kUp = numbers({3, 2}, 1.3);

NamedTensors diffusers_file(const std::string& prefix = "unet.") {
  return {{prefix + "attn.to_k.lora_A.weight", kDown}, {prefix + "attn.to_k.lora_B.weight", kUp}};
}

NamedTensors kohya_file(double alpha) {
  return {{"lora_unet_attn_to_k.lora_down.weight", kDown},
          {"lora_unet_attn_to_k.lora_up.weight", kUp},
          {"lora_unet_attn_to_k.alpha", at::full({}, alpha, at::kFloat)}};
}

void expect_close(const at::Tensor& a, const at::Tensor& b) {
  ASSERT_EQ(a.sizes(), b.sizes());
  EXPECT_LT((a - b).abs().max().item<double>(), 1e-6) << a << b;
}

TEST_F(LoraFileTest, LowerRanksArePaddedWithoutAChange) {
  const LoraWeights weights = read(write(diffusers_file()));
  ASSERT_EQ(weights.tensors.size(), 2U) << "conv is not in the file";
  const at::Tensor& down = weights.tensors.at("attn.to_k.lora_A.default.weight");
  const at::Tensor& own = parameters.at("attn.to_k.lora_A.default.weight");
  EXPECT_TRUE(at::equal(down.slice(0, 0, 2), kDown));
  EXPECT_TRUE(at::equal(down.slice(0, 2), own.slice(0, 2))) << "so that B has a gradient there";
  const at::Tensor& up = weights.tensors.at("attn.to_k.lora_B.default.weight");
  EXPECT_TRUE(at::equal(up.slice(1, 2), at::zeros({3, 2})));
  expect_close(change(weights), at::mm(kUp, kDown));
  EXPECT_THAT(weights.summary,
              AllOf(HasSubstr("1 layers, rank 2"), HasSubstr("1 further adapters")));
}

TEST_F(LoraFileTest, EveryFlavourHasItsStrength) {
  const at::Tensor product = at::mm(kUp, kDown);
  expect_close(change(read(write(kohya_file(5)))), product * 2.5);
  NamedTensors without = kohya_file(1);
  without.erase("lora_unet_attn_to_k.alpha");
  expect_close(change(read(write(without))), product);
  for (const char* prefix : {"", "unet.", "base_model.model.", "base_model.model.unet."}) {
    expect_close(change(read(write(diffusers_file(prefix)))), product);
  }
  expect_close(change(read(write({{"unet.attn.to_k.lora.down.weight", kDown},
                                  {"unet.attn.to_k.lora.up.weight", kUp}}))),
               product);
  const std::string metadata = R"({"unet.lora_alpha": 6, "unet.r": 2})";
  expect_close(change(read(write(diffusers_file(), {{"lora_adapter_metadata", metadata}}))),
               product * 3);
  std::ofstream(world / "adapter_config.json") << R"({"lora_alpha": 8, "r": 2})";
  const NamedTensors peft = diffusers_file("base_model.model.");
  expect_close(change(read(write(peft, {}, "adapter_model.safetensors"))), product * 4);
  expect_close(change(read(write(peft))), product);
}

TEST_F(LoraFileTest, HalfPrecisionBecomesFloat) {
  for (const at::ScalarType type : {at::kHalf, at::kBFloat16}) {
    NamedTensors half = kohya_file(3);
    for (auto& [key, tensor] : half) tensor = tensor.to(type);
    const LoraWeights weights = read(write(half));
    expect_close(change(weights),
                 1.5 * at::mm(kUp.to(type).to(at::kFloat), kDown.to(type).to(at::kFloat)));
    for (const auto& [name, tensor] : weights.tensors) EXPECT_EQ(tensor.scalar_type(), at::kFloat);
  }
}

TEST_F(LoraFileTest, ConvolutionsKeepTheirShape) {
  const LoraWeights weights =
      read(write({{"lora_unet_conv.lora_down.weight", numbers({1, 3, 3, 3}, 0.2)},
                  {"lora_unet_conv.lora_up.weight", numbers({3, 1, 1, 1}, 0.4)},
                  {"lora_unet_conv.alpha", at::full({}, 1.5, at::kFloat)}}));
  const at::Tensor& up = weights.tensors.at("conv.lora_B.default.weight");
  EXPECT_TRUE(at::equal(up.slice(1, 0, 1), numbers({3, 1, 1, 1}, 0.4)));
  EXPECT_EQ(up.sizes(), (std::vector<std::int64_t>{3, 4, 1, 1}));
  EXPECT_EQ(weights.tensors.at("conv.lora_A.default.weight").sizes(),
            (std::vector<std::int64_t>{4, 3, 3, 3}));
}

TEST_F(LoraFileTest, RefusesWhatTheBundleCannotHold) {
  const at::Tensor down = numbers({9, 2}, 1), up = numbers({3, 9}, 1);
  EXPECT_THAT(
      error_of({{"unet.attn.to_k.lora_A.weight", down}, {"unet.attn.to_k.lora_B.weight", up}}),
      HasSubstr("export the bundle with adapters of rank 9"));
  EXPECT_THAT(
      error_of({{"unet.attn.to_q.lora_A.weight", kDown}, {"unet.attn.to_q.lora_B.weight", kUp}}),
      AllOf(HasSubstr("1 of its 1 layers"), HasSubstr("attn.to_q"), HasSubstr("attn.to_k")));
  EXPECT_THAT(error_of({{"unet.attn.to_k.lora_A.weight", numbers({2, 3}, 1)},
                        {"unet.attn.to_k.lora_B.weight", kUp}}),
              HasSubstr("attn.to_k has other sizes"));
}

TEST_F(LoraFileTest, RefusesFilesThatAreNoPlainLora) {
  const auto with = [](NamedTensors file, const std::string& key, const at::Tensor& tensor) {
    file[key] = tensor;
    return file;
  };
  for (const char* key : {"text_encoder.a.lora_A.weight", "lora_te_a.lora_down.weight"}) {
    EXPECT_THAT(error_of(with(diffusers_file(), key, kDown)), HasSubstr("UNet alone")) << key;
    EXPECT_THAT(error_of(with(kohya_file(1), key, kDown)), HasSubstr("UNet alone")) << key;
  }
  EXPECT_THAT(error_of(with(diffusers_file(), "unet.attn.to_k.lora_magnitude_vector", kUp)),
              HasSubstr("no tensor of a LoRA that Loopline knows"));
  EXPECT_THAT(error_of(with(kohya_file(1), "lora_unet_attn_to_k.dora_scale", kUp)),
              HasSubstr("dora_scale"));
  EXPECT_THAT(error_of(with(kohya_file(1), "lora_unet_attn_to_k.alpha", kUp)),
              HasSubstr("not one number"));
  EXPECT_THAT(error_of(with(diffusers_file(), "unet.attn.to_k.lora_B.weight", kUp / 0.0)),
              HasSubstr("no finite"));
  EXPECT_THAT(error_of(with(diffusers_file(), "attn.to_k.lora_B.weight", kUp)),
              HasSubstr("two adapters at attn.to_k"));
  EXPECT_THAT(error_of({{"unet.attn.to_k.lora_A.weight", kDown}}), HasSubstr("has no B"));
  EXPECT_THAT(error_of({{"unet.attn.to_k.lora_A.weight", kDown},
                        {"unet.attn.to_k.lora_B.weight", numbers({3, 1}, 1)}}),
              HasSubstr("no rank in common"));
  EXPECT_THAT(error_of({{"a.weight", kDown}}), HasSubstr("a.weight"));
  EXPECT_THAT(error_of({}), HasSubstr("holds no adapters"));
}

TEST_F(LoraFileTest, RefusesABundleWithoutAdapters) {
  const fs::path file = write(diffusers_file());
  testing::write_tiny_model(world / "model");
  EXPECT_THAT([&] { start(world, "run", {"init_from=" + file.string()}); },
              ThrowsMessage<Error>(AllOf(HasSubstr("init_from"), HasSubstr("no adapters"))));
  EXPECT_FALSE(fs::exists(world / "run"));
}

TEST_F(LoraFileTest, ARunStartsFromItAndResumesBitForBitWithoutIt) {
  const fs::path file = write(kohya_file(3));
  const std::string init = "init_from=" + file.string();
  start(world, "straight", {init});
  start(world, "cut", {init, "iterations=2", "optimizer.decay_iterations=4"});
  const NamedTensors initial = tensor::load_tensors(world / "cut/init.safetensors");
  expect_close(change({initial, ""}), 1.5 * at::mm(kUp, kDown));
  fs::remove(file);
  resume(world / "cut", {"iterations=4"});
  const auto trained = [&](const char* run) {
    return trained_weights(run::RunDirectory::open(world / run)).tensors;
  };
  const NamedTensors straight = trained("straight"), resumed = trained("cut");
  ASSERT_EQ(straight.size(), 4U) << "both adapters are trained";
  for (const auto& [name, tensor] : straight) {
    EXPECT_TRUE(tensor.equal(resumed.at(name))) << name;
  }
  EXPECT_FALSE(
      at::equal(straight.at("attn.to_k.lora_B.default.weight").slice(1, 2), at::zeros({3, 2})))
      << "the ranks that the file did not have are trained";
}

TEST_F(LoraFileTest, TheRunsConfigKnowsTheFileByItsContent) {
  const fs::path file = write(kohya_file(3));
  start(world, "run", {"init_from=" + file.string(), "iterations=1"});
  write(kohya_file(4));
  const auto progress = run::silent_progress();
  EXPECT_THAT(
      [&] {
        start_run(load_train_plan(world / "run/config.yaml"), world / "again", {}, *progress);
      },
      ThrowsMessage<Error>(HasSubstr("has other weights than when this config was written")));
}

}  // namespace
}  // namespace loopline::train
