#include "loopline/experiment/score.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/io/image.h"
#include "support/tiny_bundle.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// A flat picture of one shade in every channel (alpha excepted).
io::Image flat(int side, int channels, int shade) {
  io::Image image{side, side, channels, {}};
  for (int i = 0; i < side * side * channels; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(channels == 4 && i % 4 == 3 ? 9 : shade));
  }
  return image;
}

nlohmann::ordered_json score_quietly(const ScoreRequest& request) {
  const auto progress = run::silent_progress();
  return score_images(request, *progress);
}

std::vector<double> totals_of(const nlohmann::ordered_json& result) {
  std::vector<double> totals;
  for (const auto& row : result["images"]) totals.push_back(row["total"].get<double>());
  return totals;
}

TEST(Score, FilesOfAnySizeInTheirOrder) {
  const fs::path directory = testing::fresh_directory("score_sizes");
  std::vector<fs::path> files;
  for (int i = 0; i < 7; ++i) {
    files.push_back(directory / (std::string(1, static_cast<char>('g' - i)) + ".png"));
    io::write_png(files.back(), flat(i % 3 == 0 ? 4 : 6, i % 2 == 0 ? 3 : 1, 51 * (i % 6)));
  }
  for (const std::int64_t micro_batch : {1, 2, 16}) {
    const auto result =
        score_quietly({.images = files, .reward = {"2 * brightness"}, .micro_batch = micro_batch});
    const std::vector<double> totals = totals_of(result);
    ASSERT_EQ(totals.size(), 7U);
    double sum = 0;
    for (int i = 0; i < 7; ++i) {
      EXPECT_NEAR(totals[i], 2 * 0.2 * (i % 6), 1e-6) << i;
      EXPECT_EQ(result["images"][i]["file"], files[i].string());
      EXPECT_NEAR(result["images"][i]["components"]["brightness"], 0.2 * (i % 6), 1e-6);
      sum += totals[i];
    }
    EXPECT_NEAR(result["mean"]["total"], sum / 7, 1e-12);
    EXPECT_NEAR(result["mean"]["components"]["brightness"], sum / 14, 1e-12);
  }
}

TEST(Score, DirectoriesHoldTheirPicturesSortedByName) {
  const fs::path directory = testing::fresh_directory("score_directory");
  for (const char* name : {"b.png", "a.PNG", "not_finished.txt"}) {
    io::write_png(directory / name, flat(4, 3, 10));
  }
  write_file_atomically(directory / "c.jpeg", io::encode_jpeg(flat(8, 3, 10), 95));
  fs::create_directories(directory / "deeper.png");
  const auto result = score_quietly({.images = {directory}, .reward = {"brightness"}});
  std::vector<std::string> names;
  for (const auto& row : result["images"]) {
    names.push_back(fs::path(row["file"].get<std::string>()).filename().string());
  }
  EXPECT_THAT(names, ElementsAre("a.PNG", "b.png", "c.jpeg"));
  EXPECT_THAT(
      [&] { score_quietly({.images = {directory / "deeper.png"}, .reward = {"brightness"}}); },
      ThrowsMessage<Error>(HasSubstr("holds no .png")));
}

/// The tiny reward likes dark images for "dark" and light ones for "light".
struct TinyFiles {
  fs::path directory;
  std::string reward;
  std::vector<fs::path> images;
};

TinyFiles tiny_files(const std::string& name, const std::vector<int>& channels) {
  TinyFiles files{testing::fresh_directory(name), "", {}};
  testing::write_tiny_reward(files.directory / "reward");
  files.reward = (files.directory / "reward").string();
  for (std::size_t i = 0; i < channels.size(); ++i) {
    files.images.push_back(files.directory / ("image" + std::to_string(i) + ".png"));
    io::write_png(files.images.back(), flat(4, channels[i], 51));
  }
  return files;
}

TEST(Score, FitsChannelsToARewardBundleOfThree) {
  const TinyFiles files = tiny_files("score_channels", {1, 3, 4});
  const auto result =
      score_quietly({.images = files.images, .reward = {files.reward}, .prompt = "dark"});
  for (const double total : totals_of(result)) EXPECT_NEAR(total, 0.8, 1e-6);
}

TEST(Score, ReadsOnePromptAnImage) {
  const TinyFiles files = tiny_files("score_prompts", {3, 3});
  std::ofstream(files.directory / "two.txt") << "light\ndark\n";
  std::ofstream(files.directory / "three.txt") << "light\ndark\nlight\n";
  ScoreRequest request{
      .images = files.images, .reward = {files.reward}, .prompts = files.directory / "two.txt"};
  const auto result = score_quietly(request);
  EXPECT_THAT(totals_of(result),
              ElementsAre(::testing::DoubleNear(0.2, 1e-6), ::testing::DoubleNear(0.8, 1e-6)));
  EXPECT_EQ(result["images"][0]["prompt"], "light");
  request.prompts = files.directory / "three.txt";
  EXPECT_THAT([&] { score_quietly(request); },
              ThrowsMessage<Error>(HasSubstr("3 prompts for 2 images")));
  request.prompts.reset();
  EXPECT_THAT([&] { score_quietly(request); }, ThrowsMessage<Error>(HasSubstr("--prompt")));
}

TEST(Score, LeavesInvalidImagesOutOfTheMean) {
  const TinyFiles files = tiny_files("score_valid", {3, 3});
  testing::write_tiny_reward(files.reward, "", R"(
def forward(self, images, ids):
    light = (ids[:, 0] == 2).to(images.dtype)
    return torch.stack([images[:, 0, 0, 0] / light, light], 1)
)");
  auto manifest = nlohmann::json::parse(read_file(fs::path(files.reward) / "reward.json"));
  manifest["output"]["valid"] = "brightness";
  std::ofstream(fs::path(files.reward) / "reward.json") << manifest;
  std::ofstream(files.directory / "prompts.txt") << "light\ndark\n";
  const auto result = score_quietly({.images = files.images,
                                     .reward = {files.reward},
                                     .prompts = files.directory / "prompts.txt"});
  EXPECT_EQ(result["images"][0]["valid"], true);
  EXPECT_EQ(result["images"][1]["valid"], false);
  EXPECT_TRUE(result["images"][1]["total"].is_null());
  EXPECT_NEAR(result["mean"]["total"], 0.2, 1e-6);
}

TEST(Score, NamesTheFileThatFails) {
  const TinyFiles files = tiny_files("score_errors", {3});
  io::write_png(files.directory / "large.png", flat(9, 3, 0));
  EXPECT_THAT(
      [&] {
        score_quietly({.images = {files.images[0], files.directory / "large.png"},
                       .reward = {files.reward},
                       .prompt = "dark"});
      },
      ThrowsMessage<Error>(AllOf(HasSubstr("large.png"), HasSubstr("takes images of 4x4"))));
  EXPECT_THAT([&] { score_quietly({.images = {"absent.png"}, .reward = {"brightness"}}); },
              ThrowsMessage<Error>(HasSubstr("absent.png: no such file")));
}

}  // namespace
}  // namespace loopline::experiment
