#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "loopline/core/random.h"
#include "loopline/io/image.h"
#include "loopline/report/cell.h"

namespace loopline::report {

/// Cells that no run has made: what a comparison of three algorithms leaves, in small.
struct Synthetic {
  std::vector<std::int64_t> seeds = {16, 27, 42};
  std::int64_t prompts = 10;
  std::int64_t iterations = 20;
  std::int64_t images = 192;  ///< an iteration
  bool pictures = false;      ///< failures and walls too
};

/// An algorithm: how much of what the base model gets wrong it repairs, and how far it goes.
struct SyntheticArm {
  std::string name;
  std::string group = "main";
  double repair = 0;
  std::int64_t updates = 4;  ///< an iteration
  double nats = 100;         ///< at the end
};

inline std::vector<SyntheticArm> synthetic_arms() {
  return {{.name = "loop", .repair = 0.5, .updates = 4, .nats = 180},
          {.name = "ppo", .repair = 0.25, .updates = 4, .nats = 120},
          {.name = "reinforce", .repair = 0.05, .updates = 1, .nats = 20},
          {.name = "reinforce-updates", .group = "updates", .repair = 0.12, .nats = 60}};
}

/// Noise that depends on its coordinates alone.
inline double synthetic_noise(std::uint64_t seed, std::uint32_t row, std::uint32_t column) {
  float value = 0;
  fill_normal({.seed = seed, .iteration = row, .slot = column}, {&value, 1});
  return value;
}

/// PNG bytes of one colour.
inline std::string synthetic_picture(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  io::Image image;
  image.width = image.height = 32;
  for (int i = 0; i < 32 * 32; ++i) image.pixels.insert(image.pixels.end(), {red, green, blue});
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / "synthetic_cells.png";
  io::write_png(path, image);
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string synthetic_prompt(std::int64_t index) {
  const std::vector<std::string> colours = {"red", "green", "blue", "yellow", "white"};
  const std::vector<std::string> shapes = {"heart", "star"};
  return "a " + colours[index % 5] + " " + shapes[index % 2] + " left of a " +
         colours[(index + 2) % 5] + " apple" + (index < 10 ? "" : " " + std::to_string(index));
}

/// One split: six images a prompt, so that the shares are sixths.
inline SplitScores synthetic_split(const std::string& name, const Synthetic& options, double repair,
                                   std::uint64_t seed) {
  SplitScores split{.name = name, .prompts = {}, .metrics = {}};
  const std::uint32_t stride = name == "rl" ? 0 : 1000;
  for (std::uint32_t i = 0; i < options.prompts; ++i) {
    const std::string prompt = synthetic_prompt(i);
    split.prompts.push_back(name == "rl" ? prompt : prompt + " and a boat");
    const double base =
        std::clamp(0.5 + 0.2 * synthetic_noise(1, 0, stride + i), 0.1, 0.9) - (stride ? 0.1 : 0);
    const double noise = seed == 0 ? 0 : 0.05 * synthetic_noise(seed, 0, stride + i);
    const double joint = std::clamp(base + repair * (1 - base) + noise, 0.0, 1.0);
    split.metrics["oracle_joint"].push_back(std::round(joint * 6) / 6);
    split.metrics["swap_rate"].push_back(std::round((1 - joint) * 0.7 * 6) / 6);
    split.metrics["reward"].push_back(joint + 0.02 * synthetic_noise(seed + 1, 1, stride + i));
    split.metrics["diversity"].push_back(0.21 - 0.04 * repair +
                                         0.004 * synthetic_noise(seed + 2, 2, stride + i));
  }
  return split;
}

inline Evaluation synthetic_evaluation(const std::string& name, const Synthetic& options,
                                       double repair, std::uint64_t seed) {
  const bool deterministic = name != "default";
  Evaluation evaluation{.name = name,
                        .steps = deterministic ? 10 : 20,
                        .eta = deterministic ? 0.0 : 1.0,
                        .guidance = 3,
                        .images_per_prompt = 6,
                        .seed = 1,
                        .splits = {},
                        .failures = {}};
  for (const char* split : {"rl", "held_out"}) {
    evaluation.splits.push_back(
        synthetic_split(split, options, repair * (deterministic ? 0.9 : 1), seed));
  }
  if (!options.pictures || deterministic) return evaluation;
  for (int i = 0; i < 3; ++i) {
    evaluation.failures.push_back({.split = "rl",
                                   .prompt = synthetic_prompt(i),
                                   .scores = {{"oracle_joint", 0}, {"reward", 0.1 * i}},
                                   .picture = synthetic_picture(200, 40 * i, 90)});
  }
  return evaluation;
}

/// Metrics of training: what is learnt is learnt in the first half; 8 s an iteration.
inline Curve synthetic_curve(const Synthetic& options, const SyntheticArm& arm,
                             std::uint64_t seed) {
  Curve curve;
  for (std::uint32_t i = 0; i < options.iterations; ++i) {
    const double progress =
        std::min(1.0, 2.0 * i / static_cast<double>(std::max<std::int64_t>(1, options.iterations)));
    curve.images.push_back(static_cast<double>((i + 1) * options.images));
    curve.updates.push_back(static_cast<double>((i + 1) * arm.updates));
    curve.seconds.push_back((i + 1) * (8 + 0.1 * arm.updates));
    const auto put = [&](const char* name, double value, double deviation, std::uint32_t key) {
      curve.metrics[name].push_back(value + deviation * synthetic_noise(seed + 10, i, key));
    };
    put("reward/mean", 0.5 + 0.5 * arm.repair * progress, 0.02, 1);
    put("judge/oracle_joint", 0.5 + 0.45 * arm.repair * progress, 0.02, 2);
    put("judge/swap_rate", 0.35 - 0.3 * arm.repair * progress, 0.02, 3);
    put("kl/nats", arm.nats * progress, 0, 4);
    put("policy/clip_fraction_high", 0.04 * arm.repair, 0.001, 5);
    put("policy/clip_fraction_low", 0.05 * arm.repair, 0.001, 6);
    put("image/diversity", 0.21 - 0.03 * arm.repair * progress, 0.001, 7);
    put("watch/diversity", 1 - 0.15 * arm.repair * progress, 0.01, 8);
    put("watch/gap", 0.2 * arm.repair * progress, 0.02, 9);
  }
  return curve;
}

inline Wall synthetic_wall(const Synthetic& options) {
  Wall wall;
  for (int i = 0; i < 4; ++i) wall.prompts.push_back(synthetic_prompt(i));
  for (const std::int64_t tenths : {0, 5, 10}) {
    wall.images.push_back(options.iterations * options.images * tenths / 10);
    std::vector<std::string> column;
    for (int i = 0; i < 4; ++i) {
      column.push_back(synthetic_picture(60 * i, static_cast<std::uint8_t>(20 * tenths), 120));
    }
    wall.pictures.push_back(column);
  }
  return wall;
}

inline Cell synthetic_cell(const Synthetic& options, const SyntheticArm& arm, std::int64_t seed) {
  Cell cell;
  cell.name = arm.name + "-seed-" + std::to_string(seed);
  cell.arm = arm.name;
  cell.group = arm.group;
  cell.seed = seed;
  cell.finished = true;
  cell.judges = {"oracle_joint", "swap_rate"};
  cell.steps_per_image = 20;
  cell.settings = {{"algorithm", arm.name.substr(0, arm.name.find('-'))},
                   {"seed", std::to_string(seed)},
                   {"iterations", std::to_string(options.iterations)},
                   {"rollout.images", std::to_string(options.images)},
                   {"rollout.group_size", "4"},
                   {"learner.updates_per_epoch", std::to_string(arm.updates)},
                   {"optimizer.lr", "0.002"},
                   {"watch.action", "warn"},
                   {"watch.judge", "null"},
                   {"watch.max_gap", "1.5"},
                   {"watch.min_diversity", "0.5"},
                   {"watch.max_kl", "null"},
                   {"watch.max_image_shift", "2"},
                   {"watch.window", "5"}};
  cell.versions = {{"loopline", "0.1.0"}, {"torch", "2.14.1"}};
  cell.curve = synthetic_curve(options, arm, static_cast<std::uint64_t>(seed));
  for (const char* name : {"default", "deterministic"}) {
    cell.evaluations.push_back(
        synthetic_evaluation(name, options, arm.repair, static_cast<std::uint64_t>(seed)));
  }
  if (options.pictures) cell.wall = synthetic_wall(options);
  return cell;
}

/// The model before training.
inline Cell synthetic_base(const Synthetic& options) {
  Cell cell = synthetic_cell(options, {.name = "base", .group = "base"}, 0);
  cell.name = "base";
  cell.curve = {};
  cell.wall = {};
  return cell;
}

/// The base first, then every arm's seeds.
inline std::vector<Cell> synthetic_cells(const Synthetic& options = {}) {
  std::vector<Cell> cells = {synthetic_base(options)};
  for (const SyntheticArm& arm : synthetic_arms()) {
    for (const std::int64_t seed : options.seeds) {
      cells.push_back(synthetic_cell(options, arm, seed));
    }
  }
  return cells;
}

}  // namespace loopline::report
