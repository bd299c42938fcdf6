// Numbers that are not finite, or stand out: left out and counted, or the end of the run; never in
// the weights.

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/log.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/train/loss_guard.h"
#include "loopline/train/trainer.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// The program's warnings while it lives.
class Warnings {
 public:
  Warnings() {
    set_log_writer([this](const std::string& line) { lines_.push_back(line); });
  }
  ~Warnings() { set_log_writer({}); }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// Infinite where the prompt begins with "light", the mean brightness elsewhere. `flagged`: says so
/// itself, in a component that marks such samples as invalid.
void write_reward_infinite_for_light(const fs::path& directory, bool flagged) {
  testing::write_tiny_reward(directory, "", R"(
def forward(self, images, ids):
    dark = (ids[:, 0] == 1).to(images.dtype)
    return torch.stack([(images.flatten(1).mean(1) + 1) / dark, dark], 1)
)");
  if (!flagged) return;
  std::string manifest = read_file(directory / "reward.json");
  const std::string total = R"("total": "reward")";
  manifest.replace(manifest.find(total), total.size(), total + R"(, "valid": "brightness")");
  std::ofstream(directory / "reward.json") << manifest;
}

/// A world whose network has a gradient that is not finite when a row's latents have a mean above
/// `limit`.
fs::path world_with_a_cliff(const std::string& name, const std::string& limit) {
  const fs::path world = testing::make_tiny_world(name);
  testing::write_tiny_model(world / "model",
                            R"(
def forward(self, x, t, c):
    shift = torch.tanh(torch.matmul(c.mean(1), self.mix)).unsqueeze(2).unsqueeze(3)
    low = (x.flatten(1).mean(1) < )" +
                                limit + R"().to(x.dtype).unsqueeze(1).unsqueeze(2).unsqueeze(3)
    return self.gain * x + shift + 0.01 * torch.sqrt(self.gain * low)
)");
  return world;
}

std::vector<nlohmann::json> metrics_of(const fs::path& run) {
  return run::MetricsLog::read(run / "metrics.jsonl");
}

std::string failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure) << error.what();
    return error.what();
  }
  return "no failure";
}

void expect_same_weights(const fs::path& one, const fs::path& other) {
  const auto first = trained_weights(run::RunDirectory::open(one)).tensors;
  const auto second = trained_weights(run::RunDirectory::open(other)).tensors;
  for (const auto& [name, tensor] : first) {
    EXPECT_TRUE(at::equal(tensor, second.at(name))) << name;
    EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
  }
}

TEST(NonFiniteReward, IsLeftOutAsIfTheRewardHadMarkedItsSample) {
  const auto world = testing::make_tiny_world("reward_skip");
  write_reward_infinite_for_light(world / "plain", false);
  write_reward_infinite_for_light(world / "flagged", true);
  const Warnings warnings;
  start(world, "skipped", {"reward=" + (world / "plain").string(), "evaluation.every=2"});
  const std::size_t told = warnings.lines().size();
  start(world, "marked", {"reward=" + (world / "flagged").string(), "evaluation.every=2"});
  expect_same_weights(world / "skipped", world / "marked");

  const auto skipped = metrics_of(world / "skipped"), marked = metrics_of(world / "marked");
  for (std::size_t i = 0; i < skipped.size(); ++i) {
    EXPECT_GT(skipped[i]["samples/non_finite"], 0);
    EXPECT_EQ(skipped[i]["samples/non_finite"], marked[i]["samples/invalid"]);
    EXPECT_EQ(skipped[i]["samples/invalid"], marked[i]["samples/invalid"]);
    EXPECT_EQ(skipped[i]["reward/mean"], marked[i]["reward/mean"]);
    EXPECT_EQ(marked[i]["samples/non_finite"], 0);
  }
  EXPECT_EQ(read_file(world / "skipped" / "evaluations.jsonl"),
            read_file(world / "marked" / "evaluations.jsonl"));
  EXPECT_EQ(told, 4U + 3U) << "one an iteration, one an evaluation";
  EXPECT_EQ(warnings.lines().size(), told) << "what a reward marks is no surprise";
  EXPECT_THAT(warnings.lines()[1],
              AllOf(HasSubstr("iteration 1: left out: "), HasSubstr(" of 32 images"),
                    HasSubstr("of \"light\" is inf")));
}

TEST(NonFiniteReward, StopsWithTheStateBeforeItAndTheRunCanGoOnWithout) {
  const auto world = testing::make_tiny_world("reward_stop");
  write_reward_infinite_for_light(world / "plain", false);
  std::ofstream(world / "prompts.txt") << "dark\ndark dark\ndark light\nlight\n";
  const std::vector<std::string> set{"reward=" + (world / "plain").string(), "rollout.images=8",
                                     "checkpoint.every=100", "seed=2", "iterations=4"};
  const Warnings quiet;
  start(world, "straight", set);
  // The first iteration that draws "light", and it is not the first of all.
  std::int64_t before = 0;
  const auto straight = metrics_of(world / "straight");
  while (straight[static_cast<std::size_t>(before)]["samples/non_finite"] == 0) ++before;
  ASSERT_GT(before, 0);

  auto stopping = set;
  stopping.push_back("guard.non_finite=stop");
  EXPECT_THAT(
      failure_of([&] { start(world, "run", stopping); }),
      AllOf(HasSubstr("iteration " + std::to_string(before + 1) + ": the reward of"),
            HasSubstr("\"light\" is inf (4 of 8 images)"), HasSubstr("guard.non_finite=skip"),
            HasSubstr("goes on from iteration " + std::to_string(before))));
  EXPECT_EQ(run::latest_checkpoint(world / "run" / "checkpoints", {})->iteration, before);
  EXPECT_THAT(failure_of([&] { resume(world / "run"); }), HasSubstr("the reward of"));
  resume(world / "run", {"guard.non_finite=skip"});
  expect_same_weights(world / "run", world / "straight");
}

TEST(NonFiniteReward, NothingLeftStopsTheRunWhateverTheConfigSays) {
  const auto world = testing::make_tiny_world("reward_hopeless");
  testing::write_tiny_reward(world / "broken", "", R"(
def forward(self, images, ids):
    r = images.flatten(1).mean(1) * float('nan')
    return torch.stack([r, r], 1)
)");
  EXPECT_THAT(failure_of([&] { start(world, "run", {"reward=" + (world / "broken").string()}); }),
              AllOf(HasSubstr("32 of 32 images"), HasSubstr("nothing is left to train on")));
}

TEST(NonFinitePath, IsLeftOutThoughItsRewardIsFine) {
  const auto world = testing::make_tiny_world("path");
  testing::write_tiny_model(world / "model", R"(
def forward(self, x, t, c):
    shift = torch.tanh(torch.matmul(c.mean(1), self.mix)).unsqueeze(2).unsqueeze(3)
    high = (x.flatten(1).mean(1) > 0.3).to(x.dtype).unsqueeze(1).unsqueeze(2).unsqueeze(3)
    return self.gain * x + shift + torch.log(1 - high)
)");
  const Warnings warnings;
  start(world, "run", {"reward=jpeg_compressibility", "sampler.clip_sample=false"});
  const auto metrics = metrics_of(world / "run");
  double left_out = 0;
  for (const auto& line : metrics) left_out += line["samples/non_finite"].get<double>();
  EXPECT_GT(left_out, 0);
  EXPECT_LT(left_out, 4 * 32);
  EXPECT_THAT(warnings.lines(), ::testing::Contains(HasSubstr("are not finite")));
  expect_same_weights(world / "run", world / "run");
}

TEST(NonFiniteGradient, SkipsThatUpdateAloneAndCountsIt) {
  const auto world = world_with_a_cliff("gradient", "0.35");
  const Warnings warnings;
  start(world, "run", {"learner.updates_per_epoch=8"});
  std::int64_t updates = 0;
  const auto metrics = metrics_of(world / "run");
  for (const auto& line : metrics) {
    updates += line["policy/updates"].get<std::int64_t>();
    EXPECT_TRUE(line["policy/loss"].is_number()) << "means are over finite updates";
    EXPECT_TRUE(line["optim/grad_norm"].is_number());
  }
  const auto skipped = metrics.back()["optim/skipped_steps"].get<std::int64_t>();
  EXPECT_GT(skipped, 0);
  EXPECT_LT(skipped, updates);
  EXPECT_THAT(warnings.lines(),
              ::testing::Contains(HasSubstr("of 8 updates, whose loss or gradient")));
  expect_same_weights(world / "run", world / "run");
}

TEST(NonFiniteGradient, StopsAfterItsIterationWithACheckpointThatGoesOn) {
  const auto world = world_with_a_cliff("gradient_stop", "0.35");
  const Warnings quiet;
  start(world, "straight", {"learner.updates_per_epoch=8"});
  EXPECT_THAT(
      failure_of([&] {
        start(world, "run",
              {"learner.updates_per_epoch=8", "guard.non_finite=stop", "checkpoint.every=100"});
      }),
      AllOf(HasSubstr("of 8 updates, whose loss or gradient is not finite"),
            HasSubstr("`loopline resume")));
  const auto stopped = metrics_of(world / "run");
  EXPECT_EQ(run::latest_checkpoint(world / "run" / "checkpoints", {})->iteration,
            stopped.back()["iteration"]);
  EXPECT_GT(stopped.back()["optim/skipped_steps"], 0);
  resume(world / "run", {"guard.non_finite=skip"});
  expect_same_weights(world / "run", world / "straight");
}

TEST(NonFiniteGradient, AllUpdatesOfAnIterationStopTheRunWhateverTheConfigSays) {
  const auto world = world_with_a_cliff("gradient_hopeless", "-100");
  EXPECT_THAT(failure_of([&] { start(world, "run"); }),
              AllOf(HasSubstr("iteration 1: left out: 2 of 2 updates"),
                    HasSubstr("goes on from iteration 1")));
}

TEST(Checkpoint, IsNeverWrittenFromWeightsThatAreNotFinite) {
  const auto world = testing::make_tiny_world("nan_weights");
  Trainer trainer(load_train_plan(world / "run.yaml"));
  at::Tensor gain = trainer.model().denoiser->parameters().at("gain").detach();
  EXPECT_NO_THROW(trainer.save(testing::fresh_directory("nan_weights_saved")));
  gain.fill_(kNaN);
  EXPECT_THAT(failure_of([&] { trainer.save(testing::fresh_directory("nan_weights_saved")); }),
              HasSubstr("parameter \"gain\": is not finite"));
}

TEST(LossGuard, TellsWhatStandsOutOnceItKnowsEnough) {
  LossGuard guard(4);
  for (int i = 0; i < 16; ++i) {
    EXPECT_TRUE(guard.accepts(i == 7 ? 1000 : i % 2)) << "nothing is told before it knows enough";
  }
  LossGuard calm(4);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(calm.accepts(i % 2));  // mean 1/2, deviation 1/2
  EXPECT_FALSE(calm.accepts(2.51));
  EXPECT_FALSE(calm.accepts(-1.51));
  EXPECT_TRUE(calm.accepts(kNaN)) << "that is the optimiser's to refuse";
  EXPECT_EQ(calm.rejected(), 2);
  EXPECT_TRUE(calm.accepts(2.49));
}

TEST(LossGuard, ForgetsTheOldestAndDoesNotLearnFromWhatItRefused) {
  LossGuard guard(3);
  for (int i = 0; i < 64; ++i) guard.accepts(i % 2);
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(guard.accepts(100)) << i;
  LossGuard drifting(3);
  for (int i = 0; i < 400; ++i) EXPECT_TRUE(drifting.accepts(0.01 * i + i % 2)) << i;
  EXPECT_EQ(guard.rejected(), 200);
}

TEST(LossGuard, EqualLossesMakeNothingStandOut) {
  LossGuard guard(1);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(guard.accepts(0));
  EXPECT_TRUE(guard.accepts(1));
}

TEST(LossGuard, OfARunIsResumedWithItsMemory) {
  const auto world = testing::make_tiny_world("spikes");
  const std::vector<std::string> set{"guard.loss_spike=1", "learner.updates_per_epoch=8",
                                     "checkpoint.every=1", "checkpoint.keep=9"};
  const Warnings warnings;
  start(world, "straight", set);
  EXPECT_GT(metrics_of(world / "straight").back()["optim/loss_spikes"], 0);
  EXPECT_THAT(warnings.lines(),
              ::testing::Contains(HasSubstr("of 8 updates, whose loss stands out")));
  start(world, "free", {"learner.updates_per_epoch=8"});
  const auto state = [&](const char* run) {
    return sha256_file(world / run / "checkpoints" / "00000004" / "trainable.safetensors");
  };
  EXPECT_NE(state("straight"), state("free")) << "updates were left out";
  auto cut = set;
  cut.push_back("iterations=3");
  start(world, "cut", cut);
  resume(world / "cut", {"iterations=4"});
  EXPECT_EQ(state("straight"), state("cut"));
  EXPECT_EQ(metrics_of(world / "straight").back()["optim/loss_spikes"],
            metrics_of(world / "cut").back()["optim/loss_spikes"]);
}

}  // namespace
}  // namespace loopline::train
