#include "loopline/train/watch.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopline/core/error.h"
#include "loopline/run/checkpoint.h"
#include "loopline/run/metrics.h"
#include "loopline/train/image_statistics.h"
#include "quiet_runs.h"
#include "support/tiny_bundle.h"

namespace loopline::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

const std::vector<std::string> kJudges{"exact", "other"};

nlohmann::ordered_json line(double reward, double judge, double diversity = 0.2,
                            double brightness = 0.5) {
  return {{"reward/mean", reward},        {"reward/std", 0.5},
          {"judge/exact", judge},         {"judge/exact_std", 0.25},
          {"judge/other", 0.0},           {"judge/other_std", 0.1},
          {"image/diversity", diversity}, {"image/brightness", brightness},
          {"image/brightness_std", 0.05}, {"image/contrast", 0.1},
          {"image/contrast_std", 0.02},   {"kl/nats", 3.0}};
}

/// What the watch adds to the lines, and what it says after the last one.
struct Watched {
  Watch watch;
  nlohmann::ordered_json last;

  explicit Watched(const TrainConfig::Watch& options) : watch(options, kJudges) {}

  Watched& see(nlohmann::ordered_json metrics, int times = 1) {
    for (int i = 0; i < times; ++i) {
      last = metrics;
      watch.measure(last);
      watch.see(last);
    }
    return *this;
  }
};

TrainConfig::Watch limits(std::int64_t window = 1) {
  TrainConfig::Watch options;
  options.window = window;
  return options;
}

TEST(Watch, ComparesWithTheFirstIterationInItsDeviations) {
  Watched watched(limits());
  watched.see(line(1, 0.5));
  EXPECT_EQ(watched.last["watch/gap"], 0);
  EXPECT_EQ(watched.last["watch/diversity"], 1);
  EXPECT_EQ(watched.last["watch/image_shift"], 0);
  auto later = line(2, 0.75, 0.15, 0.35);
  later["reward/std"] = 9;  // the first iteration's deviations are the unit
  watched.see(later);
  EXPECT_NEAR(watched.last["watch/gap"].get<double>(), 1 / 0.5 - 0.25 / 0.25, 1e-12);
  EXPECT_NEAR(watched.last["watch/diversity"].get<double>(), 0.75, 1e-12);
  EXPECT_NEAR(watched.last["watch/image_shift"].get<double>(), 3, 1e-12) << "either direction";
}

TEST(Watch, SaysWhichLimitIsPassed) {
  TrainConfig::Watch options = limits();
  options.max_kl = 2.5;
  Watched watched(options);
  watched.see(line(1, 0.5)).see(line(3, 0.5, 0.09, 0.7));
  EXPECT_THAT(watched.watch.alarms(),
              ElementsAre("the reward outruns judge/exact (watch/gap 4 > 1.5)",
                          "images of one prompt grow alike (watch/diversity 0.45 < 0.5)",
                          HasSubstr("(watch/image_shift 4 > 2)"), HasSubstr("(kl/nats 3 > 2.5)")));
  EXPECT_FALSE(watched.watch.stops());
}

TEST(Watch, IsQuietWhileTheJudgeGainsToo) {
  Watched watched(limits());
  watched.see(line(1, 0.25)).see(line(3, 1));
  EXPECT_THAT(watched.watch.alarms(), IsEmpty());
}

TEST(Watch, AveragesOverItsWindow) {
  Watched watched(limits(4));
  watched.see(line(1, 0.5)).see(line(9, 0.5));
  EXPECT_THAT(watched.watch.alarms(), IsEmpty()) << "fewer iterations than the window";
  watched.see(line(1, 0.5), 3);
  EXPECT_THAT(watched.watch.alarms(), ElementsAre(HasSubstr("watch/gap 4 >")));
  watched.see(line(1, 0.5));
  EXPECT_THAT(watched.watch.alarms(), IsEmpty());
}

TEST(Watch, ComparesWithTheJudgeThatIsNamed) {
  TrainConfig::Watch options = limits();
  options.judge = "other";
  Watched watched(options);
  watched.see(line(1, 0.25)).see(line(3, 1));
  EXPECT_THAT(watched.watch.alarms(), ElementsAre(HasSubstr("judge/other")));
  options.judge = "exac";
  EXPECT_THAT([&] { Watch(options, kJudges); },
              ThrowsMessage<Error>(HasSubstr("did you mean exact?")));
}

TEST(Watch, MeasuresWhatTheLinesHave) {
  Watched watched(limits());
  nlohmann::ordered_json old{{"reward/mean", 1.0}, {"reward/std", 0.5}};  // of an older version
  watched.see(old).see(line(9, 0));
  EXPECT_FALSE(watched.last.contains("watch/gap"));
  EXPECT_FALSE(watched.last.contains("watch/diversity"));
  EXPECT_FALSE(watched.last.contains("watch/image_shift"));
  EXPECT_THAT(watched.watch.alarms(), IsEmpty());
}

TEST(Watch, HasNoLimitThatIsBlankAndNoneWhenOff) {
  TrainConfig::Watch blank = limits();
  blank.max_gap.reset();
  EXPECT_THAT(Watched(blank).see(line(1, 0.5)).see(line(3, 0.5)).watch.alarms(), IsEmpty());
  TrainConfig::Watch off = limits();
  off.action = "off";
  EXPECT_THAT(Watched(off).see(line(1, 0.5)).see(line(3, 0.5)).watch.alarms(), IsEmpty());
}

TEST(Watch, EndsARunThatGoesOnWhenToldTo) {
  // The tiny world's judge is its reward under another name, so there is no gap; its pictures get
  // darker or lighter.
  const auto world = testing::make_tiny_world("watch");
  const std::vector<std::string> set{"iterations=12", "watch.action=stop",
                                     "watch.max_image_shift=0.5", "watch.window=2"};
  const TrainingOutcome outcome = start(world, "run", set);
  EXPECT_LT(outcome.iterations, 12);
  EXPECT_THAT(outcome.hacking, HasSubstr("watch/image_shift"));
  EXPECT_TRUE(outcome.target_reached.empty());
  EXPECT_FALSE(outcome.interrupted);
  EXPECT_TRUE(run::latest_checkpoint(world / "run" / "checkpoints", [](const auto&) {}))
      << "what it had learned is kept";
  const TrainingOutcome again = resume(world / "run");
  EXPECT_EQ(again.iterations, outcome.iterations) << "it judges by the logs alone";
  EXPECT_FALSE(again.hacking.empty());
  EXPECT_EQ(resume(world / "run", {"watch.action=warn"}).iterations, 12);
}

TEST(ImageStatistics, AreThoseOfTheirDefinitions) {
  // Two pixels wide, one high: red and grey.
  const at::Tensor image =
      at::tensor({1.0, 0.5, 0.0, 0.5, 0.2, 0.5}, at::kFloat).reshape({1, 3, 1, 2});
  const auto statistics = image_statistics(at::cat({at::zeros_like(image), image}));
  const auto value = [&](std::size_t i) { return statistics[i].second[1].item<double>(); };
  ASSERT_EQ(statistics.size(), 4U);
  EXPECT_NEAR(value(0), 2.7 / 6, 1e-7) << "brightness";
  EXPECT_NEAR(value(1), 0.05, 1e-7) << "contrast: half the distance of .4 and .5";
  EXPECT_NEAR(value(2), 0.5, 1e-7) << "saturation: ranges 1 and 0";
  EXPECT_NEAR(value(3), (0.5 + 0.5 + 0.3) / 3, 1e-7) << "detail";
  for (const auto& [name, values] : statistics) EXPECT_EQ(values[0].item<double>(), 0) << name;
}

TEST(ImageStatistics, DoNotDependOnTheBatch) {
  const at::Tensor images = at::sin(at::arange(37 * 12, at::kFloat)).reshape({37, 3, 2, 2});
  const auto together = image_statistics(images);
  for (std::size_t i = 0; i < together.size(); ++i) {
    EXPECT_TRUE(
        at::equal(together[i].second[36], image_statistics(images.slice(0, 36))[i].second[0]))
        << together[i].first;
  }
}

TEST(Diversity, IsTheMeanDistanceOfPairsWithinGroups) {
  const at::Tensor values = at::tensor({0.0, 1.0, 4.0, 5.0}, at::kFloat).reshape({4, 1, 1, 1});
  const at::Tensor images = values.expand({4, 3, 2, 2});
  EXPECT_NEAR(diversity_within_groups(images, 2), 1, 1e-12) << "groups are 4 apart";
  EXPECT_NEAR(diversity_within_groups(images, 4), (1 + 4 + 5 + 3 + 4 + 1) / 6.0, 1e-12);
  EXPECT_TRUE(std::isnan(diversity_within_groups(images, 1)));
}

}  // namespace
}  // namespace loopline::train
