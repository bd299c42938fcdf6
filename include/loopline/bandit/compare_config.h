#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loopline/bandit/estimate_config.h"
#include "loopline/config/options.h"

namespace loopline::bandit {

/// The policy that is always compared, too: all actions alike.
constexpr const char* kUniformName = "uniform";

struct NamedPolicy {
  std::string name;
  PolicyConfig policy;
};

/// What `loopline bandit compare` is asked for: an estimate of several policies.
struct CompareConfig : EstimateSettings {
  std::vector<NamedPolicy> policies;  ///< in the order of the file, without the implicit one
  std::string baseline_policy;        ///< option `baseline`: the name of one of them, or uniform

  /// The options of the policies that are there.
  void describe(config::OptionVisitor& visitor);

  /// Errors for what one option alone does not show, before anything is read.
  void check() const;
};

/// Reads a config file with assignments over it, and checks it.
CompareConfig read_compare_config(const std::filesystem::path& file,
                                  const std::vector<std::string>& assignments = {});

}  // namespace loopline::bandit
