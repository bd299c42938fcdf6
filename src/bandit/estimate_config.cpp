#include "loopline/bandit/estimate_config.h"

#include <algorithm>
#include <array>

#include "loopline/bandit/slope.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

using config::option;

std::vector<std::string> names_of_estimators() {
  std::vector<std::string> names;
  for (const EstimatorEntry& entry : estimator_table()) names.emplace_back(entry.name);
  return names;
}

std::vector<std::string> names_of_intervals() {
  std::vector<std::string> names = {"auto"};
  for (const IntervalEntry& entry : interval_table()) names.emplace_back(entry.name);
  return names;
}

std::optional<double> parameter_of(const EstimateSettings& settings, const EstimatorEntry& entry) {
  if (entry.parameter.name == "M") return settings.clip;
  if (entry.parameter.name == "lambda") return settings.lambda;
  if (entry.parameter.name == "b") return settings.baseline;
  return std::nullopt;
}

/// An estimator as asked for: one choice, or with a grid one a parameter.
std::vector<EstimatorChoice> choices_for(const EstimateSettings& settings,
                                         const EstimatorEntry& entry) {
  if (entry.parameter.name != "M" || settings.clip_grid.empty()) {
    return {{.kind = entry.kind, .parameter = parameter_of(settings, entry)}};
  }
  std::vector<EstimatorChoice> choices;
  for (const double parameter : ordered_grid(entry.kind, settings.clip_grid)) {
    choices.push_back({.kind = entry.kind, .parameter = parameter});
  }
  return choices;
}

/// The option that holds an estimator's parameter.
const char* option_of(const EstimatorEntry& entry) {
  return entry.parameter.name == "M" ? "clip" : "lambda";
}

void check_grid(const EstimateSettings& settings) {
  if (settings.clip_grid.empty()) return;
  if (settings.clip) {
    throw Error("clip_grid", "clip is given, too, and M is either one number or one of a grid",
                "leave one of them out");
  }
  std::vector<double> grid = settings.clip_grid;
  std::sort(grid.begin(), grid.end());
  if (grid.size() < 2 || std::adjacent_find(grid.begin(), grid.end()) != grid.end()) {
    throw Error("clip_grid", "is no choice", "give at least two numbers, each once");
  }
  const std::vector<EstimatorChoice> choices = choices_of(settings);
  if (std::none_of(choices.begin(), choices.end(), [](const EstimatorChoice& c) {
        return entry_of(c.kind).parameter.name == "M";
      })) {
    throw Error("clip_grid", "no estimator that is asked for has an M",
                "add clipped_ips, switch_dr or shrinkage_dr to estimators");
  }
}

void describe_verdict(VerdictThresholds& limits, config::OptionVisitor& v) {
  v.field(option("unusable_effective_rows", "Unusable: effective rows below.").at_least(0),
          limits.unusable_effective_rows);
  v.field(option("unusable_largest_share", "Unusable: share of one row in all weight above.")
              .range(0, 1),
          limits.unusable_largest_share);
  v.field(option("unusable_weight_errors",
                 "Unusable: mean weight further from 1 than so many standard errors.")
              .above(0),
          limits.unusable_weight_errors);
  v.field(
      option("doubtful_effective_share", "Doubtful: effective rows over rows below.").range(0, 1),
      limits.doubtful_effective_share);
  v.field(option("doubtful_largest_share", "Doubtful: share of one row in all weight above.")
              .range(0, 1),
          limits.doubtful_largest_share);
  v.field(option("doubtful_weight_errors",
                 "Doubtful: mean weight further from 1 than so many standard errors.")
              .above(0),
          limits.doubtful_weight_errors);
  v.field(option("doubtful_rewarded_rows", "Doubtful: rows with weight and a reward below.")
              .at_least(0),
          limits.doubtful_rewarded_rows);
}

}  // namespace

void PolicyConfig::describe(config::OptionVisitor& v) {
  v.field(option("kind",
                 "column: its probability of the logged action is a column of the log "
                 "(log.target); uniform; table: a CSV file of probabilities; softmax: a saved "
                 "policy.")
              .one_of({"column", "uniform", "table", "softmax"})
              .must_be_given(),
          kind);
  v.field(option("file", "Of a table or softmax policy.").path(), file);
  v.field(option("action", "Of a table: column of the action."), action);
  v.field(option("position",
                 "Of a table: column of the position. Blank: the same probabilities everywhere."),
          position);
  v.field(option("probability", "Of a table: column of the probability."), probability);
  v.field(option("epsilon", "Share of uniformly random actions mixed into the policy.").range(0, 1),
          epsilon);
}

void PolicyConfig::check(const std::string& section) const {
  const bool takes_file = kind == "table" || kind == "softmax";
  if (takes_file && !file) {
    throw Error(section + ".file", "a " + kind + " policy needs its file");
  }
  if (!takes_file && file) {
    throw Error(section + ".file", "a " + kind + " policy has no file",
                "set " + section + ".kind to table or softmax");
  }
  if (position && kind != "table") {
    throw Error(section + ".position",
                "is a column of a table, and " + section + ".kind is " + kind);
  }
  if (kind == "column" && epsilon > 0) {
    throw Error(section + ".epsilon", "the column has only the logged action's probability",
                "mix it into the column, or choose another policy");
  }
}

void EstimateConfig::describe(config::OptionVisitor& v) {
  v.section("log", "The log that is there.", [&] { log.describe(v); });
  v.section("policy", "The policy that is to be valued.", [&] { policy.describe(v); });
  v.field(option("baseline",
                 "b of beta_ips, from other rows than these. Blank: the best one, from the log."),
          baseline);
  describe_estimates(v);
}

void EstimateSettings::describe_estimates(config::OptionVisitor& v) {
  v.field(option("estimators",
                 "Which ones. Blank: ips, snips, beta_ips, and with a model dm, dr, sndr.")
              .one_of(names_of_estimators()),
          estimators);
  v.field(option("clip", "M of clipped_ips, switch_dr and shrinkage_dr.").above(0), clip);
  v.field(option("clip_grid",
                 "Instead of clip: several M, of which SLOPE chooses one for each estimator.")
              .above(0),
          clip_grid);
  v.field(option("lambda", "Of sub_gaussian_ips.").range(0, 1), lambda);
  v.section("model", "A model of the reward.", [&] { model.describe(v); });
  v.section("interval", "How certain the values are.", [&] {
    v.field(option("kind", "auto: for each estimator the first valid one of student_t, delta.")
                .one_of(names_of_intervals()),
            interval.kind);
    v.field(option("level", "Confidence level.").range(0.5, 0.9999), interval.level);
    v.field(option("range",
                   "For bernstein: least and greatest value that what is averaged (for ips "
                   "weight times reward) can have at all."),
            interval.range);
    v.field(option("resamples", "Of the bootstrap.").range(20, 100000), interval.resamples);
    v.field(option("seed", "Of the bootstrap.").at_least(0), interval.seed);
  });
  v.section("verdict", "When the weights are called unusable or doubtful.",
            [&] { describe_verdict(verdict, v); });
  v.field(option("threads", "0: one a core. Changes no result.").range(0, 1024), threads);
}

void EstimateConfig::check() const {
  log.check();
  policy.check("policy");
  check_estimates();
  check_model_for(*this, policy, "policy");
}

void EstimateSettings::check_estimates() const {
  check_grid(*this);
  const std::vector<EstimatorChoice> choices = choices_of(*this);
  intervals_of(*this, choices);
  const bool has_range = interval.range.size() == 2 && interval.range[0] < interval.range[1];
  if (!interval.range.empty() && !has_range) {
    throw Error("interval.range", "is no range", "give two numbers, the lower first");
  }
  if (interval.kind == "bernstein" && !has_range) {
    throw Error("interval.range", "bernstein needs the range of what is averaged",
                "give bounds that hold for every possible row, not for this log");
  }
}

void check_model_for(const EstimateSettings& settings, const PolicyConfig& policy,
                     const std::string& section) {
  if (policy.kind != "column" || settings.model.kind == "none") return;
  throw Error("model.kind",
              "a model needs the policy's probabilities of all actions, and " + section +
                  ".kind 'column' has only the logged one's",
              "set model.kind to none, or choose another policy");
}

std::vector<EstimatorChoice> choices_of(const EstimateSettings& settings) {
  const bool has_model = settings.model.kind != "none";
  std::vector<std::string> names = settings.estimators;
  if (names.empty()) names = {"ips", "snips", "beta_ips"};
  if (settings.estimators.empty() && has_model) {
    names.insert(names.end(), {"dm", "dr", "sndr"});
  }
  std::vector<EstimatorChoice> choices;
  for (const std::string& name : names) {
    const EstimatorEntry& entry = estimator_named(name);
    if (std::count(names.begin(), names.end(), name) > 1) {
      throw Error("estimators", name + " is there twice");
    }
    if (entry.needs_model && !has_model) {
      throw Error("estimators", name + " needs a model of the reward",
                  "set model.kind to ridge or logistic");
    }
    for (const EstimatorChoice& choice : choices_for(settings, entry)) {
      if (entry.parameter.required && !choice.parameter) {
        throw Error(option_of(entry), name + " needs it: " + std::string(entry.formula));
      }
      check_choice(choice);
      choices.push_back(choice);
    }
  }
  return choices;
}

std::vector<IntervalKind> intervals_of(const EstimateSettings& settings,
                                       const std::vector<EstimatorChoice>& choices) {
  constexpr std::array kOrder = {IntervalKind::kStudentT, IntervalKind::kDelta};
  std::vector<IntervalKind> kinds;
  for (const EstimatorChoice& choice : choices) {
    if (settings.interval.kind != "auto") {
      kinds.push_back(interval_named(settings.interval.kind));
      require_valid(choice, kinds.back());
      continue;
    }
    const auto valid = valid_intervals(choice);
    const auto first = std::find_first_of(kOrder.begin(), kOrder.end(), valid.begin(), valid.end());
    LOOPLINE_CHECK(first != kOrder.end(), "every estimator has an interval");
    kinds.push_back(*first);
  }
  return kinds;
}

EstimateConfig read_estimate_config(const std::filesystem::path& file,
                                    const std::vector<std::string>& assignments) {
  config::ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  EstimateConfig config;
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.check();
  return config;
}

}  // namespace loopline::bandit
