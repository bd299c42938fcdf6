#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "loopline/io/image.h"
#include "loopline/run/metrics.h"
#include "loopline/tensor/script_module.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/stranger_bundles.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using testing::Stranger;

/// Other people's bundles, each trained for an iteration from a config as a person writes it.
class StrangersTest : public ::testing::TestWithParam<Stranger> {
 protected:
  fs::path world_ = testing::fresh_directory("stranger_run");

  void SetUp() override {
    testing::write_stranger(world_ / "model", GetParam());
    std::ofstream(world_ / "run.yaml") << R"(model: model
reward: [brightness]
algorithm: loop
iterations: 1
threads: 1
precision: fp32
rollout: {images: 12, group_size: 4, micro_batch: 6}
learner: {updates_per_epoch: 2}
optimizer: {lr: 0.01}
samples: {every: 1, prompts: 2, per_prompt: 2, zoom: 1}
)" << (GetParam().condition == "none" ? "" : "prompts: model/prompts.jsonl\n");
  }

  nlohmann::json train(const std::vector<std::string>& assignments) const {
    const TrainingOutcome outcome = start(world_, "run", assignments);
    EXPECT_EQ(outcome.iterations, 1);
    return outcome.last;
  }
};

TEST_P(StrangersTest, TrainsAnIteration) {
  const nlohmann::json metrics = train({});
  EXPECT_EQ(metrics["policy/ratio_deviation"], 0) << "training recomputes what sampling computed";
  EXPECT_GT(metrics["optim/grad_norm"].get<double>(), 0);
  EXPECT_GT(metrics["reward/std"].get<double>(), 0);
  EXPECT_TRUE(std::isfinite(metrics["policy/loss"].get<double>()));

  const tensor::ScriptModule base(world_ / "model/denoiser.ts", at::kCPU);
  const auto trained = trained_weights(run::RunDirectory::open(world_ / "run")).tensors;
  EXPECT_EQ(trained.size(), base.parameters().size());
  for (const auto& [name, tensor] : trained) {
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
    EXPECT_FALSE(at::equal(tensor, base.parameters().at(name))) << name << " did not learn";
  }
  const io::Image picture = io::read_image(world_ / "run/samples/iteration_000001.png");
  EXPECT_GE(picture.width, 2 * GetParam().image_width());
}

TEST_P(StrangersTest, TrainsInBfloat16WithFrozenHalves) {
  const nlohmann::json metrics =
      train({"precision=bf16", "frozen_precision=bf16", "trainable=[gain, bias, time]"});
  EXPECT_EQ(metrics["policy/ratio_deviation"], 0) << "training recomputes what sampling computed";
  EXPECT_GT(metrics["optim/grad_norm"].get<double>(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StrangersTest, ::testing::ValuesIn(testing::strangers()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace loopline::train
