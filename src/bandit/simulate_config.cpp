#include "loopline/bandit/simulate_config.h"

#include <string>

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using config::option;

std::vector<std::string> all_estimators() {
  std::vector<std::string> names;
  for (const EstimatorEntry& entry : estimator_table()) names.emplace_back(entry.name);
  return names;
}

}  // namespace

void SimulateConfig::describe(config::OptionVisitor& v) {
  ProblemsConfig::describe(v);
  v.section("target", "The policy that is valued: the argmax of a softmax regression.", [&] {
    v.field(option("rows",
                   "Of a synthetic world: rows of the log that it is learned from, importance "
                   "weighted; never more than the evaluated log has.")
                .range(1, 1e9),
            target.rows);
    v.field(option("l2", "Penalty of the regression.").above(0), target.l2);
    v.field(option("epsilon", "Share of uniformly random actions mixed into it.").range(0, 1),
            target.epsilon);
  });
  v.field(option("estimators",
                 "Which ones. Blank: ips, snips, beta_ips, and with a model dm, dr, "
                 "sndr.")
              .one_of(all_estimators()),
          estimators);
  v.field(option("clip", "M of clipped_ips, switch_dr and shrinkage_dr.").above(0), clip);
  v.field(option("lambda", "Of sub_gaussian_ips.").range(0, 1), lambda);
  v.section("model", "Of the reward, fitted to the evaluated log itself, without folds.", [&] {
    v.field(option("kind", "none, ridge or logistic.").one_of({"none", "ridge", "logistic"}),
            model);
    v.field(option("design",
                   "shared: one set of coefficients, with the action one-hot, as in the paper; "
                   "per_action: coefficients of its own for each action.")
                .one_of({"shared", "per_action"}),
            model_design);
    v.field(option("l2", "Penalty on coefficients.").above(0), model_l2);
  });
  v.section("truth", "What estimates are compared with.", [&] {
    v.field(option("contexts",
                   "Of a synthetic world: log: the exact mean reward of the target at the "
                   "evaluated log's own contexts; fresh: at others. A labelled world's truth is "
                   "exact over its population.")
                .one_of({"log", "fresh"}),
            truth);
    v.field(option("rows", "Fresh contexts.").range(1, 1e9), truth_rows);
  });
  v.field(option("level", "Of the intervals.").range(0.5, 0.9999), level);
  v.field(option("resamples", "Of the bootstrap over seeds.").range(20, 100000).changes_on_resume(),
          resamples);
}

void SimulateConfig::check() const {
  ProblemsConfig::check();
  if (world.kind == "labelled" && truth == "fresh") {
    throw Error("truth.contexts", "a labelled world's truth is exact over its population",
                "leave it out");
  }
  const EstimateConfig estimates = estimate_config_of(*this);
  intervals_of(estimates, choices_of(estimates));
}

EstimateConfig estimate_config_of(const SimulateConfig& config) {
  EstimateConfig estimates;
  estimates.estimators = config.estimators;
  estimates.clip = config.clip;
  estimates.lambda = config.lambda;
  estimates.model = {
      .kind = config.model, .design = config.model_design, .folds = 1, .l2 = config.model_l2};
  estimates.interval.level = config.level;
  return estimates;
}

SimulateConfig read_simulate_config(const std::filesystem::path& file,
                                    const std::vector<std::string>& assignments) {
  config::ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  SimulateConfig config;
  config.published =
      take_published(tree, "published", [](const std::string& name) { estimator_named(name); });
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.check();
  config.hash_files();
  return config;
}

}  // namespace loopline::bandit
