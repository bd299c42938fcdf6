#include "loopline/bandit_learning/learning_simulation_config.h"

#include <algorithm>
#include <set>

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"

namespace loopline::bandit_learning {
namespace {

using config::ConfigTree;
using config::option;

LearningSimulationConfig::Published read_figures(ConfigTree& tree) {
  LearningSimulationConfig::Published published;
  const auto found = std::find_if(tree.map.begin(), tree.map.end(),
                                  [](const auto& entry) { return entry.first == "published"; });
  if (found == tree.map.end()) return published;
  ConfigTree& figures = found->second;
  const auto check_name = [&](const std::string& name) {
    const std::vector<std::string> names = objective_names();
    if (std::count(names.begin(), names.end(), name) > 0) return;
    throw Error(figures.place, "there is no objective '" + name + "'");
  };
  published.value = bandit::take_published(figures, "value", check_name);
  published.argmax_value = bandit::take_published(figures, "argmax_value", check_name);
  published.gradient_variance = bandit::take_published(figures, "gradient_variance", check_name);
  if (figures.kind != ConfigTree::Kind::kMap || !figures.map.empty()) {
    throw Error(figures.place, "published has maps of value, argmax_value and gradient_variance",
                "for example published: {argmax_value: {-4: {250000: {ips: .819}}}}");
  }
  tree.map.erase(found);
  return published;
}

}  // namespace

void LearningSimulationConfig::describe(config::OptionVisitor& v) {
  ProblemsConfig::describe(v);
  v.section(kLearningSection, "What learns from the logs: this section makes it learning.", [&] {
    Learning& l = learning;
    v.field(option("objectives", "Estimates of the policy's value whose gradients are followed.")
                .one_of(objective_names())
                .changes_on_resume(),
            l.objectives);
    v.field(option("lambda",
                   "Of banditnet: what is taken off every reward. Of several the one whose policy, "
                   "after half the epochs, has the highest SNIPS on the log."),
            l.lambda);
    describe_baseline(l.baseline, v);
    v.section("policy", "A softmax over scores of the actions.",
              [&] { describe_network(l.hidden, l.bias, v); });
    v.section("model", "A model of the reward, for dr.", [&] { l.model.describe(v); });
    v.section("optimizer", "Adam.", [&] { l.optimizer.describe(v); });
    v.field(option("epochs", "Passes over the log.").range(1, 20000), l.epochs);
  });
  v.section("truth", "What policies are worth.", [&] {
    v.field(option("rows",
                   "Of a synthetic world: fresh contexts, over which values are means, exact over "
                   "actions. Those of a labelled world are exact over its population.")
                .range(1, 1e9),
            truth_rows);
  });
  v.field(option("level", "Of the intervals over seeds.").range(0.5, 0.9999).changes_on_resume(),
          level);
}

void LearningSimulationConfig::check() const {
  ProblemsConfig::check();
  const std::vector<std::string>& objectives = learning.objectives;
  if (objectives.empty()) throw Error("learning.objectives", "there is none");
  if (std::set<std::string>(objectives.begin(), objectives.end()).size() != objectives.size()) {
    throw Error("learning.objectives", "one is there twice");
  }
  // What an objective reads may be there without it, so that objectives can be left out and added.
  const auto has = [&](const char* objective) {
    return std::count(objectives.begin(), objectives.end(), objective) > 0;
  };
  if (has("banditnet") && learning.lambda.empty()) {
    throw Error("learning.objectives", "banditnet needs learning.lambda");
  }
  if (has("dr") && learning.model.kind == "none") {
    throw Error("learning.objectives", "dr needs learning.model: ridge or logistic");
  }
  check_network(learning.hidden, "learning.policy.hidden");
}

LearnOptions learn_options(const LearningSimulationConfig& config, const std::string& objective,
                           std::uint64_t seed) {
  LearnConfig one;
  one.objective.kind = objective;
  one.objective.baseline = config.learning.baseline;
  one.optimizer = config.learning.optimizer;
  one.epochs = config.learning.epochs;
  LearnOptions options = learn_options(one);
  options.seed = seed;
  return options;
}

LearningSimulationConfig read_learning_simulation(const std::filesystem::path& file,
                                                  const std::vector<std::string>& assignments) {
  ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  LearningSimulationConfig config;
  config.published = read_figures(tree);
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.check();
  config.hash_files();
  return config;
}

}  // namespace loopline::bandit_learning
