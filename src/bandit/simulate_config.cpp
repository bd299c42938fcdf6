#include "loopline/bandit/simulate_config.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/hash.h"
#include "loopline/core/text.h"

namespace loopline::bandit {
namespace {

using config::ConfigTree;
using config::option;

std::vector<std::string> all_estimators() {
  std::vector<std::string> names;
  for (const EstimatorEntry& entry : estimator_table()) names.emplace_back(entry.name);
  return names;
}

const std::vector<std::pair<std::string, ConfigTree>>& published_map(const ConfigTree& tree) {
  if (tree.kind == ConfigTree::Kind::kMap) return tree.map;
  throw Error(tree.place, "published is a map: temperature, rows, estimator, figure",
              "for example published: {1: {1000000: {ips: 6.41e-5}}}");
}

double published_number(const std::string& text, const std::string& place) {
  std::size_t end = 0;
  double value = 0;
  try {
    value = std::stod(text, &end);
  } catch (const std::exception&) {
  }
  if (end == text.size() && end > 0 && std::isfinite(value)) return value;
  throw Error(place, "\"" + text + "\" is no number");
}

std::vector<PublishedFigure> read_published(const ConfigTree& tree) {
  std::vector<PublishedFigure> figures;
  for (const auto& [temperature, by_rows] : published_map(tree)) {
    for (const auto& [rows, by_estimator] : published_map(by_rows)) {
      for (const auto& [estimator, value] : published_map(by_estimator)) {
        estimator_named(estimator);
        figures.push_back({published_number(temperature, by_rows.place),
                           static_cast<std::int64_t>(published_number(rows, by_estimator.place)),
                           estimator, published_number(value.scalar, value.place)});
      }
    }
  }
  return figures;
}

void describe_world(SimulateConfig::WorldConfig& w, config::OptionVisitor& v) {
  v.field(option("kind",
                 "synthetic: logistic rewards of polynomials; labelled: a labelled CSV file as a "
                 "bandit.")
              .one_of({"synthetic", "labelled"}),
          w.kind);
  v.field(option("actions", "Of a synthetic world.").range(2, 100000), w.synthetic.actions);
  v.field(option("dimensions", "Of a synthetic world's contexts.").range(1, 20),
          w.synthetic.dimensions);
  v.field(option("degree", "Of a synthetic world's polynomials, and what multiplies their z-score.")
              .range(1, 8),
          w.synthetic.degree);
  v.field(option("kept", "Share of a synthetic world's monomials that count.").range(0, 1),
          w.synthetic.kept);
  v.field(option("reference_z_score",
                 "Whether a synthetic world's z-score is x - mean / deviation, as the program of "
                 "the paper has it by mistake."),
          w.synthetic.reference_z_score);
  v.field(option("files", "Of a labelled world: CSV files with a header.").path(), w.files);
  v.field(option("label", "Of a labelled world: column of the label."), w.label);
  v.field(option("features", "Of a labelled world: columns of the context, or patterns."),
          w.features);
  v.field(option("categorical", "Of a labelled world: features whose numbers are names."),
          w.categorical);
  v.field(option("logging_share",
                 "Of a labelled world: share of the rows that the logging policy is fitted to.")
              .range(0, 1),
          w.labelled.logging_share);
  v.field(
      option("target_share", "Of a labelled world: share of the rows that the target is fitted to.")
          .range(0, 1),
      w.labelled.target_share);
  v.field(option("hash", "Of a labelled world: content of its files. Filled in."), w.hash);
}

}  // namespace

void SimulateConfig::describe(config::OptionVisitor& v) {
  v.field(option("temperatures",
                 "beta_t of the logging policy softmax(beta_t q): above 0 it is a good one, below "
                 "0 a bad one.")
              .changes_on_resume(),
          temperatures);
  v.field(option("rows", "Lengths of the evaluated logs.")
              .range(1, 1e9)
              .changes_on_resume()
              .must_be_given(),
          rows);
  v.field(option("seeds", "How many: each is another world, target and log.")
              .range(1, 1000000)
              .changes_on_resume(),
          seeds);
  v.field(option("first_seed", "The others follow.").at_least(0).changes_on_resume(), first_seed);
  v.section("world", "What is simulated.", [&] { describe_world(world, v); });
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
  if (temperatures.empty()) throw Error("temperatures", "there is none");
  if (rows.empty()) throw Error("rows", "there is none");
  if (std::set<double>(temperatures.begin(), temperatures.end()).size() != temperatures.size()) {
    throw Error("temperatures", "one is there twice");
  }
  if (std::set<std::int64_t>(rows.begin(), rows.end()).size() != rows.size()) {
    throw Error("rows", "one is there twice");
  }
  const bool is_labelled = world.kind == "labelled";
  if (is_labelled && (world.files.empty() || !world.label || world.features.empty())) {
    throw Error("world", "a labelled world needs files, label and features");
  }
  if (!is_labelled && (!world.files.empty() || world.label || !world.features.empty())) {
    throw Error("world.kind",
                "files, label and features are of a labelled world, and this one is "
                "synthetic",
                "set world.kind to labelled");
  }
  if (is_labelled && truth == "fresh") {
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
  ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  SimulateConfig config;
  // What describe() cannot say is read by hand: its keys are numbers.
  const auto found = std::find_if(tree.map.begin(), tree.map.end(),
                                  [](const auto& entry) { return entry.first == "published"; });
  if (found != tree.map.end()) {
    config.published = read_published(found->second);
    tree.map.erase(found);
  }
  config::read_options(tree, [&](config::OptionVisitor& v) { config.describe(v); });
  config.check();
  if (config.world.kind == "labelled") {
    std::vector<std::string> hashes;
    for (const std::string& data : config.world.files) hashes.push_back(sha256_file(data));
    const std::string hash = sha256(join(hashes));
    if (config.world.hash && *config.world.hash != hash) {
      throw Error("world.hash", "the labelled files are " + hash + ", not " + *config.world.hash);
    }
    config.world.hash = hash;
  }
  return config;
}

}  // namespace loopline::bandit
