#include "loopline/experiment/show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "loopline/io/image.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Something that looks like a run, with two logged iterations of four samples.
std::filesystem::path logged_run(const std::string& name) {
  const auto run = testing::fresh_directory(name);
  std::ofstream(run / "config.yaml") << "{}\n";
  std::ofstream(run / "run.json") << "{}\n";
  std::ofstream log(run / "samples.jsonl");
  const auto line = [&](int iteration, int sample, const std::string& reward, double judge) {
    log << R"({"iteration":)" << iteration << R"(,"sample":)" << sample
        << R"(,"prompt":"p","reward":)" << reward << R"(,"advantage":0,"judge/x":)" << judge
        << "}\n";
  };
  line(1, 0, "0.1", 4);
  line(1, 1, "0.9", 3);
  line(3, 0, "0.5", 1);
  line(3, 1, "null", 2);
  line(3, 2, "0.2", 3);
  line(3, 3, "0.7", 0);
  return run;
}

std::vector<int> samples_of(const std::vector<nlohmann::json>& lines) {
  std::vector<int> samples;
  for (const auto& line : lines) samples.push_back(line["sample"].get<int>());
  return samples;
}

TEST(ShowSamples, WorstFirstOfTheLatestIterationWithInvalidOnesInFront) {
  const auto run = logged_run("show_worst");
  EXPECT_THAT(samples_of(show_samples({.run = run})), ElementsAre(1, 2, 0, 3));
  EXPECT_THAT(samples_of(show_samples({.run = run, .count = 2})), ElementsAre(1, 2));
}

TEST(ShowSamples, BestOfAnIterationOrOfAllByAnyNumber) {
  const auto run = logged_run("show_best");
  EXPECT_THAT(samples_of(show_samples({.run = run, .best = true})), ElementsAre(3, 0, 2));
  EXPECT_THAT(samples_of(show_samples({.run = run, .iteration = 1})), ElementsAre(0, 1));
  const auto all =
      show_samples({.run = run, .count = 3, .best = true, .by = "judge/x", .all = true});
  EXPECT_THAT(samples_of(all), ElementsAre(0, 1, 2));
  EXPECT_EQ(all[0]["iteration"], 1);
}

TEST(ShowSamples, SaysWhatIsMissing) {
  const auto run = logged_run("show_missing");
  EXPECT_THAT([&] { show_samples({.run = run, .by = "judge/y"}); },
              ThrowsMessage<Error>(HasSubstr("judge/x")));
  EXPECT_THAT([&] { show_samples({.run = run, .iteration = 2}); },
              ThrowsMessage<Error>(HasSubstr("iteration 2")));
  EXPECT_THAT([&] { draw_samples(run, show_samples({.run = run}), 2, 1, run / "grid.png"); },
              ThrowsMessage<Error>(HasSubstr("sample_log.pictures")));
  std::filesystem::remove(run / "samples.jsonl");
  EXPECT_THAT([&] { show_samples({.run = run}); },
              ThrowsMessage<Error>(HasSubstr("sample_log.every")));
}

TEST(ShowSamples, PrunesALongLogWithoutLosingTheWorst) {
  const auto run = logged_run("show_long");
  std::ofstream log(run / "samples.jsonl");
  for (int i = 0; i < 20000; ++i) {
    log << R"({"iteration":1,"sample":)" << i << R"(,"prompt":"p","reward":)" << (i * 7919) % 20000
        << ",\"advantage\":0}\n";
  }
  log.close();
  const auto lines = show_samples({.run = run, .count = 50});
  ASSERT_EQ(lines.size(), 50U);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(lines[static_cast<std::size_t>(i)]["reward"], i);
}

TEST(ShowSamples, DrawsThePicturesOfItsLines) {
  const auto run = logged_run("show_grid");
  io::write_png(run / "a.png", {2, 2, 3, std::vector<std::uint8_t>(12, 200)});
  draw_samples(run, {{{"picture", "a.png"}}, {{"picture", "a.png"}}}, 2, 3, run / "grid.png");
  EXPECT_EQ(io::read_image(run / "grid.png").width, 2 * 2 * 3 + 2);
}

}  // namespace
}  // namespace loopline::experiment
