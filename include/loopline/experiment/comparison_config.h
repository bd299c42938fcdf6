#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loopline/config/options.h"

namespace loopline::experiment {

/// An option and the values that it takes, one after the other: YAML texts.
struct Sweep {
  std::string option;  ///< dotted path
  std::vector<std::string> values;
};

/// What one row of a comparison, or several when options are swept, is made of.
struct Algorithm {
  std::string name;
  std::string config;            ///< a training config; absolute
  std::vector<std::string> set;  ///< assignments over it
  std::vector<std::int64_t> seeds;
  std::vector<Sweep> sweep;
};

/// Another way to sample, beside the one of the training configs.
struct SamplingWay {
  std::string name;
  std::optional<std::int64_t> steps;
  std::optional<double> eta, guidance;
  std::vector<std::string> prompts;  ///< empty: those of the training configs
};

/// A comparison as its YAML file states it. The meaning of each option is written once, in
/// describe() (src/experiment/comparison_config.cpp); docs/comparing.md has the reference.
struct ComparisonConfig {
  std::string title;
  std::vector<Algorithm> algorithms;
  std::int64_t images = 0;
  std::int64_t threads = 1;
  bool equal_updates = false;
  std::vector<SamplingWay> ways;

  struct Headline {
    std::optional<std::string> metric, split;
    std::optional<double> target;
    std::int64_t window = 960;
  } headline;

  struct Tuning {
    std::string option = "optimizer.lr";
    std::vector<double> values;  ///< empty: nothing is searched
    std::vector<std::int64_t> seeds;
    std::optional<std::string> prompts;
    std::optional<std::int64_t> images;
    std::string metric = "reward/mean";
    std::int64_t window = 960;
  } tune;

  /// Of the whole file; `seeds`, `set` and `sweep` are handed on to the algorithms.
  std::vector<std::int64_t> seeds;
  std::vector<std::string> set;

  void describe(config::OptionVisitor& visitor);
};

/// Reads a comparison. Unknown keys, missing files and contradictions are Errors with their place.
ComparisonConfig read_comparison(const std::filesystem::path& file,
                                 const std::vector<std::string>& assignments = {});

}  // namespace loopline::experiment
