#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "loopline/bandit/log_config.h"
#include "loopline/bandit/propensity_model.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// What `loopline bandit propensity` is asked for. The meaning of each option is written once, in
/// describe() (src/bandit/propensity_config.cpp).
struct PropensityConfig {
  LogConfig log;
  PropensityModelConfig model;
  double floor = 0.01;
  std::int64_t threads = 0;

  void describe(config::OptionVisitor& visitor);
};

/// Reads a config file with assignments over it, and checks it.
PropensityConfig read_propensity_config(const std::filesystem::path& file,
                                        const std::vector<std::string>& assignments = {});

}  // namespace loopline::bandit
