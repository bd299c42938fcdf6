#include "loopline/train/ema.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/tensor/tensor_file.h"
#include "loopline/train/weights.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Ema, FollowsItsFormula) {
  const tensor::NamedTensors parameters{{"w", at::zeros({2})}};
  Ema ema(parameters, 0.6);
  double expected = 0;
  for (int n = 1; n <= 30; ++n) {
    parameters.at("w").fill_(n);
    ema.update();
    const double kept = std::min(0.6, (1.0 + n) / (10.0 + n));
    expected = kept * expected + (1 - kept) * n;
    EXPECT_NEAR(ema.weights().at("w")[0].item<double>(), expected, 1e-5 * n) << n;
  }
  EXPECT_EQ(ema.updates(), 30);
  EXPECT_EQ(parameters.at("w")[0].item<double>(), 30) << "the parameters are not touched";
}

TEST(Ema, StandsInTheCheckpointAndIsGivenOnRequest) {
  const auto world = testing::make_tiny_world("ema");
  start(world, "run", {"ema.decay=0.5"});
  const auto directory = run::RunDirectory::open(world / "run");
  const auto last = trained_weights(directory).tensors;
  const auto average = trained_weights(directory, {"latest", true}).tensors;
  ASSERT_EQ(last.size(), average.size());
  for (const auto& [name, tensor] : last) {
    EXPECT_FALSE(at::equal(tensor, average.at(name))) << name;
    EXPECT_TRUE(at::allclose(tensor, average.at(name), 0, 0.2)) << name;
  }
  start(world, "without");
  EXPECT_THAT(
      [&] {
        trained_weights(run::RunDirectory::open(world / "without"), {"latest", true});
      },
      ThrowsMessage<Error>(HasSubstr("holds no moving average; train with ema.decay")));
}

TEST(Ema, DoesNotChangeWhatIsTrained) {
  const auto world = testing::make_tiny_world("ema_beside");
  start(world, "with", {"ema.decay=0.5", "ema.evaluate=true", "evaluation.every=2"});
  start(world, "without", {"evaluation.every=2"});
  const auto weights = [&](const char* run) {
    return trained_weights(run::RunDirectory::open(world / run)).tensors;
  };
  for (const auto& [name, tensor] : weights("with")) {
    EXPECT_TRUE(at::equal(tensor, weights("without").at(name))) << name;
  }
  // Evaluations look at the average where they are told to.
  const auto last = [&](const char* run) {
    return run::MetricsLog::read(world / run / "evaluations.jsonl").back();
  };
  EXPECT_NE(last("with")["eval/prompts/reward"], last("without")["eval/prompts/reward"]);
}

TEST(Ema, MustExistToBeEvaluated) {
  const auto world = testing::make_tiny_world("ema_missing");
  EXPECT_THAT([&] { start(world, "run", {"ema.evaluate=true"}); },
              ThrowsMessage<Error>(HasSubstr("ema.evaluate")));
}

}  // namespace
}  // namespace loopline::train
