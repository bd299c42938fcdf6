#include "loopline/bandit_learning/learn_config.h"

#include <algorithm>

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"

namespace loopline::bandit_learning {
namespace {

using config::option;

template <class Table>
std::vector<std::string> names_in(const Table& table) {
  std::vector<std::string> names;
  for (const auto& entry : table) names.emplace_back(entry.name);
  return names;
}

/// Of a name that is among the option's choices.
template <class Table>
auto kind_named(const Table& table, const std::string& name) {
  const auto found = std::find_if(table.begin(), table.end(),
                                  [&](const auto& entry) { return entry.name == name; });
  LOOPLINE_CHECK(found != table.end(), "no entry is called " + name);
  return found->kind;
}

/// An option that belongs to one objective: there with it, and only there.
void check_belonging(const std::string& name, bool is_there, bool belongs,
                     const std::string& objective, const std::string& what) {
  if (is_there == belongs) return;
  if (is_there) throw Error(name, "is for objective.kind " + objective + " alone");
  throw Error(name, "objective.kind " + objective + " needs " + what);
}

}  // namespace

std::vector<std::string> objective_names() { return names_in(objective_table()); }

void describe_network(std::vector<std::int64_t>& hidden, bool& bias, config::OptionVisitor& v) {
  v.field(option("hidden",
                 "Widths of layers of rectified units below the scores. Empty: scores are linear "
                 "in the context."),
          hidden);
  v.field(option("bias", "A constant in every layer."), bias);
}

void check_network(const std::vector<std::int64_t>& hidden, const std::string& option) {
  for (const std::int64_t width : hidden) {
    if (width >= 1 && width <= 65536) continue;
    throw Error(option, "a layer has a width from 1 to 65536, not " + std::to_string(width));
  }
}

void describe_baseline(std::optional<std::string>& baseline, config::OptionVisitor& v) {
  v.field(option("baseline",
                 "Of beta_ips: where b comes from. batch (also when blank): the batch itself, as "
                 "in the paper, slightly biased; previous: the batch before; leave_one_out: the "
                 "batch's other rows. The last two are unbiased.")
              .one_of(names_in(baseline_table())),
          baseline);
}

void LearnConfig::Optimizer::describe(config::OptionVisitor& v) {
  v.field(option("lr", "Learning rate.").above(0), lr);
  v.field(option("batch", "Rows a step, shuffled; 0: all rows.").at_least(0), batch);
  v.field(option("weight_decay", "Parameters shrink by lr times this in every step.").at_least(0),
          weight_decay);
}

void LearnConfig::describe(config::OptionVisitor& v) {
  v.section("log", "The log to learn from.", [&] { log.describe(v); });
  v.section("policy", "The policy: a softmax over scores of the actions.", [&] {
    describe_network(policy.hidden, policy.bias, v);
    v.field(option("standardize",
                   "Scale numeric columns to variance 1 while learning (and, with a bias, to mean "
                   "0). The saved policy takes columns as they are."),
            policy.standardize);
  });
  v.section("objective", "What is maximised.", [&] {
    v.field(option("kind", "Estimate of the policy's value whose gradient is followed.")
                .one_of(objective_names()),
            objective.kind);
    v.field(option("lambda", "Of banditnet: what is taken off every reward."), objective.lambda);
    describe_baseline(objective.baseline, v);
  });
  v.section("model", "A model of the reward, for dr.", [&] { model.describe(v); });
  v.section("optimizer", "Adam.", [&] { optimizer.describe(v); });
  v.field(option("epochs", "Passes over the rows, at most.").range(1, 1 << 24).changes_on_resume(),
          epochs);
  v.field(option("patience",
                 "Stop after so many epochs without a better value on the first half of what is "
                 "held out; 0: never.")
              .at_least(0)
              .changes_on_resume(),
          patience);
  v.field(option("holdout",
                 "Share of the rows (with log.cluster, of the clusters) that nothing is fitted to. "
                 "One half decides which epoch's policy is kept, the other judges that one.")
              .range(0.02, 0.9),
          holdout);
  v.field(option("level", "Confidence level of the intervals.").range(0.5, 0.9999), level);
  v.field(option("checkpoint_every", "Epochs between checkpoints.").at_least(1).changes_on_resume(),
          checkpoint_every);
  v.field(option("seed", "Of the split, the shuffles and the first weights.").at_least(0), seed);
  v.field(option("threads", "Of LibTorch; 0: one a core. Another number rounds differently.")
              .range(0, 1024),
          threads);
}

void LearnConfig::check() const {
  log.check();
  check_belonging("objective.lambda", objective.lambda.has_value(), objective.kind == "banditnet",
                  "banditnet", "it");
  check_belonging("model.kind", model.kind != "none", objective.kind == "dr", "dr",
                  "a model: ridge or logistic");
  if (objective.baseline) {
    check_belonging("objective.baseline", true, objective.kind == "beta_ips", "beta_ips", "it");
  }
  check_network(policy.hidden, "policy.hidden");
}

LearnOptions learn_options(const LearnConfig& config) {
  LearnOptions options;
  options.objective.kind = kind_named(objective_table(), config.objective.kind);
  options.objective.lambda = config.objective.lambda.value_or(0);
  options.objective.baseline =
      kind_named(baseline_table(), config.objective.baseline.value_or("batch"));
  options.lr = config.optimizer.lr;
  options.weight_decay = config.optimizer.weight_decay;
  options.batch = config.optimizer.batch;
  options.epochs = config.epochs;
  options.seed = static_cast<std::uint64_t>(config.seed);
  return options;
}

LearnConfig read_learn_config(const std::filesystem::path& file,
                              const std::vector<std::string>& assignments) {
  config::ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  LearnConfig config;
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.check();
  return config;
}

std::vector<std::string> resumable_options() {
  LearnConfig config;
  return config::resumable_options([&](config::OptionVisitor& v) { config.describe(v); });
}

}  // namespace loopline::bandit_learning
