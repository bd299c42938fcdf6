#include "loopline/bandit/compare_config.h"

#include <algorithm>

#include "loopline/bandit/difference.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "named_table.h"

namespace loopline::bandit {
namespace {

using config::ConfigTree;
using config::option;

/// The names under `policies`, which describe() cannot know.
std::vector<NamedPolicy> named_in(const ConfigTree& file) {
  const ConfigTree* tree = file.find("policies");
  if (tree == nullptr || tree->map.empty()) {
    throw Error(tree == nullptr ? file.place : tree->place, "policies names no policy",
                "for example policies: {learned: {kind: softmax, file: policy.safetensors}}");
  }
  std::vector<NamedPolicy> policies;
  for (const auto& [name, policy] : tree->map) {
    if (name == kUniformName) {
      throw Error(policy.place, "policies." + name + " is always there: all actions alike",
                  "leave it out, or give another name");
    }
    policies.push_back({name, {}});
  }
  return policies;
}

}  // namespace

void CompareConfig::describe(config::OptionVisitor& v) {
  v.section("log", "The log that is there.", [&] { log.describe(v); });
  v.section("policies", "The policies that are compared, by names of your choice.", [&] {
    for (NamedPolicy& named : policies) {
      v.section(named.name, "As the policy of bandit estimate.", [&] { named.policy.describe(v); });
    }
  });
  v.field(option("baseline",
                 "The policy that the others are compared with: the name of one of policies, or "
                 "uniform.")
              .must_be_given(),
          baseline_policy);
  describe_estimates(v);
}

void CompareConfig::check() const {
  log.check();
  std::vector<std::string> names = {kUniformName};
  for (const NamedPolicy& named : policies) {
    const std::string section = "policies." + named.name;
    named.policy.check(section);
    names.push_back(named.name);
  }
  if (std::find(names.begin(), names.end(), baseline_policy) == names.end()) {
    const std::string near = nearest_name(baseline_policy, names);
    throw Error("baseline", "there is no policy " + baseline_policy,
                near.empty()
                    ? "choose one of " + joined_names(names, [](auto& name) { return name; })
                    : "did you mean " + near + "?");
  }
  check_estimates();
  for (const NamedPolicy& named : policies) {
    check_model_for(*this, named.policy, "policies." + named.name);
  }
  const std::vector<EstimatorChoice> choices = choices_of(*this);
  const std::vector<IntervalKind> kinds = intervals_of(*this, choices);
  for (std::size_t i = 0; i < choices.size(); ++i) {
    require_valid("a difference of " + std::string(entry_of(choices[i].kind).name),
                  difference_intervals(choices[i]), kinds[i]);
  }
}

CompareConfig read_compare_config(const std::filesystem::path& file,
                                  const std::vector<std::string>& assignments) {
  ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  CompareConfig config;
  config.policies = named_in(tree);
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.check();
  return config;
}

}  // namespace loopline::bandit
