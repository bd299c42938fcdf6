#include "loopline/report/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "loopline/core/error.h"

namespace loopline::report {
namespace {

Cell full_cell() {
  Cell cell;
  cell.name = "loop-seed-16";
  cell.arm = "loop";
  cell.group = "updates";
  cell.seed = 16;
  cell.finished = true;
  cell.judges = {"oracle_joint", "swap_rate"};
  cell.steps_per_image = 10;
  cell.settings = {{"seed", "16"}, {"optimizer.lr", "0.002"}};
  cell.versions = {{"loopline", "0.1.0"}};
  cell.curve = {{192, 384}, {4, 8}, {1.5, 3.25}, {{"reward/mean", {0.5, NAN}}}};
  Evaluation evaluation{
      .name = "default",
      .steps = 10,
      .eta = 1,
      .guidance = 5.5,
      .images_per_prompt = 9,
      .seed = 1,
      .splits = {{"rl", {"a", "b \"quoted\""}, {{"reward", {0.25, NAN}}}}},
      .failures = {{"rl", "a", {{"reward", 0.125}}, std::string("\x89PNG\0", 5)}}};
  cell.evaluations = {evaluation};
  cell.wall = {{"a"}, {0, 384}, {{std::string("\0\1", 2)}, {"two"}}};
  return cell;
}

Cell through_text(const Cell& cell) {
  return cell_from_json(nlohmann::json::parse(to_json(cell).dump()), "cell.json");
}

std::string refusal(const nlohmann::json& json) {
  try {
    cell_from_json(json, "cell.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::kFailure);
    return error.what();
  }
  return "";
}

TEST(CellTest, ComesBackFromItsJson) {
  const Cell cell = full_cell(), back = through_text(cell);
  EXPECT_EQ(to_json(back), to_json(cell));
  EXPECT_EQ(back.name, "loop-seed-16");
  EXPECT_EQ(back.arm, "loop");
  EXPECT_EQ(back.group, "updates");
  EXPECT_EQ(back.seed, 16);
  EXPECT_TRUE(back.finished);
  EXPECT_EQ(back.settings, cell.settings);
  EXPECT_EQ(back.judges, cell.judges);
  EXPECT_EQ(back.curve.seconds, cell.curve.seconds);
  EXPECT_EQ(back.wall.pictures, cell.wall.pictures);
  EXPECT_EQ(back.evaluations[0].failures[0].picture, cell.evaluations[0].failures[0].picture);
  EXPECT_EQ(back.evaluations[0].splits[0].prompts, cell.evaluations[0].splits[0].prompts);
}

TEST(CellTest, KeepsWhatWasNotMeasured) {
  const Cell back = through_text(full_cell());
  EXPECT_TRUE(std::isnan(back.curve.metrics.at("reward/mean")[1]));
  EXPECT_TRUE(std::isnan(back.evaluations[0].splits[0].metrics.at("reward")[1]));
}

TEST(CellTest, RoundsToSixDigitsAndKeepsWholeNumbers) {
  Cell cell = full_cell();
  cell.curve.metrics["reward/mean"] = {1.0 / 3, 123456789};
  const Cell back = through_text(cell);
  EXPECT_EQ(back.curve.metrics.at("reward/mean")[0], 0.333333);
  EXPECT_EQ(back.curve.metrics.at("reward/mean")[1], 123456789);
}

TEST(CellTest, RefusesWhatIsNoCell) {
  EXPECT_THAT(refusal(nlohmann::json::array()), ::testing::HasSubstr("cell.json: is not what"));
  nlohmann::json json = to_json(full_cell());
  json["version"] = 2;
  EXPECT_THAT(refusal(json), ::testing::HasSubstr("another version"));
}

TEST(CellTest, RefusesDamage) {
  const nlohmann::json whole = to_json(full_cell());
  for (const auto& [key, value] : whole.items()) {
    nlohmann::json json = whole;
    json.erase(key);
    EXPECT_NE(refusal(json), "") << key;
  }
  nlohmann::json json = whole;
  json["curve"]["metrics"]["reward/mean"].push_back(1);
  EXPECT_THAT(refusal(json), ::testing::HasSubstr("curve reward/mean has not the length"));
  json = whole;
  json["evaluations"][0]["splits"][0]["metrics"]["reward"].erase(0);
  EXPECT_THAT(refusal(json), ::testing::HasSubstr("rl/reward has not the length"));
  json = whole;
  json["wall"]["pictures"][0].clear();
  EXPECT_THAT(refusal(json), ::testing::HasSubstr("picture wall"));
  json = whole;
  json["evaluations"][0]["failures"][0]["picture"] = "?";
  EXPECT_NE(refusal(json), "");
}

}  // namespace
}  // namespace loopline::report
