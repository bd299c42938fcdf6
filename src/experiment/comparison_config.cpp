#include "loopline/experiment/comparison_config.h"

#include <algorithm>
#include <functional>
#include <set>

#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/train/config.h"

namespace loopline::experiment {
namespace {

using config::ConfigTree;
using config::option;

/// Takes a key out of a map: what describe() cannot say is read by hand.
std::optional<ConfigTree> take(ConfigTree& tree, const std::string& key) {
  const auto found = std::find_if(tree.map.begin(), tree.map.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  if (found == tree.map.end()) return std::nullopt;
  ConfigTree value = std::move(found->second);
  tree.map.erase(found);
  return value;
}

/// A scalar, or a list of scalars in brackets, as YAML text for an assignment.
std::string yaml_text(const ConfigTree& value) {
  if (value.kind == ConfigTree::Kind::kScalar) return value.scalar;
  if (value.kind != ConfigTree::Kind::kList) {
    throw Error(value.place, "a swept value is a scalar or a list");
  }
  std::vector<std::string> parts;
  for (const ConfigTree& part : value.list) parts.push_back(yaml_text(part));
  return std::string("[") + join(parts) + "]";
}

/// "group_size" is short for the only option that ends so.
std::string full_option(const std::string& name, const std::vector<std::string>& options,
                        const std::string& place) {
  std::vector<std::string> matches;
  for (const std::string& known : options) {
    if (known == name) return name;
    if (known.ends_with("." + name)) matches.push_back(known);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.size() > 1) {
    throw Error(place, "\"" + name + "\" may be any of " + join(matches), "give the whole name");
  }
  std::vector<std::string> names = options;
  for (const std::string& known : options) {
    names.push_back(known.substr(known.find_last_of('.') + 1));
  }
  const std::string near = nearest_name(name, names);
  throw Error(place, "\"" + name + "\" is no option of a training config",
              near.empty() ? "docs/configuration.md lists them" : "did you mean " + near + "?");
}

std::vector<Sweep> read_sweep(const ConfigTree& tree, const std::vector<std::string>& options) {
  if (tree.kind != ConfigTree::Kind::kMap) {
    throw Error(tree.place, "sweep is a map from options to lists of values",
                "for example sweep: {group_size: [2, 3, 4]}");
  }
  std::vector<Sweep> sweeps;
  for (const auto& [name, values] : tree.map) {
    if (values.kind != ConfigTree::Kind::kList || values.list.empty()) {
      throw Error(values.place, "sweep." + name + " is no list of values");
    }
    Sweep sweep{full_option(name, options, values.place), {}};
    for (const ConfigTree& value : values.list) sweep.values.push_back(yaml_text(value));
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

/// `ppo`, or {name: ppo, config: ..., set: ..., seeds: ..., sweep: ...}.
Algorithm read_algorithm(ConfigTree tree, const ComparisonConfig& whole,
                         const std::vector<Sweep>& sweep, const std::vector<std::string>& options) {
  Algorithm algorithm;
  algorithm.seeds = whole.seeds;
  algorithm.sweep = sweep;
  const std::filesystem::path directory = tree.directory;
  const std::string place = tree.place;
  std::vector<std::string> own_set;
  if (tree.kind == ConfigTree::Kind::kScalar) {
    algorithm.name = tree.scalar;
  } else {
    if (const auto own = take(tree, "sweep")) algorithm.sweep = read_sweep(*own, options);
    config::read_options(tree, [&](config::OptionVisitor& v) {
      v.field(option("name", "").must_be_given(), algorithm.name);
      v.field(option("config", "").path(), algorithm.config);
      v.field(option("set", ""), own_set);
      v.field(option("seeds", "").at_least(0), algorithm.seeds);
    });
  }
  if (algorithm.config.empty()) {
    algorithm.config = config::resolve_path(algorithm.name + ".yaml", directory);
  }
  if (!std::filesystem::exists(algorithm.config)) {
    throw Error(place, "there is no " + algorithm.config,
                "name a training config: {name: " + algorithm.name + ", config: FILE}");
  }
  if (algorithm.name.empty() || algorithm.name.find_first_of("/ \t\n") != std::string::npos) {
    throw Error(place, "\"" + algorithm.name + "\" cannot name a directory");
  }
  algorithm.set = whole.set;
  algorithm.set.insert(algorithm.set.end(), own_set.begin(), own_set.end());
  return algorithm;
}

SamplingWay read_way(const ConfigTree& tree) {
  SamplingWay way;
  config::read_options(tree, [&](config::OptionVisitor& v) {
    v.field(option("name", "").must_be_given(), way.name);
    v.field(option("steps", "").at_least(1), way.steps);
    v.field(option("eta", "").range(0, 1), way.eta);
    v.field(option("guidance", "").at_least(0), way.guidance);
    v.field(option("prompts", "").path(), way.prompts);
  });
  if (way.name == "default" || way.name.find('/') != std::string::npos || way.name.empty()) {
    throw Error(tree.place, "\"" + way.name + "\" cannot name a way to sample");
  }
  return way;
}

const std::vector<ConfigTree>& list_of(const ConfigTree& tree, const std::string& key) {
  if (tree.kind != ConfigTree::Kind::kList || tree.list.empty()) {
    throw Error(tree.place, key + " is no list with something in it");
  }
  return tree.list;
}

void check_distinct(const std::vector<std::int64_t>& seeds, const std::string& where) {
  if (std::set<std::int64_t>(seeds.begin(), seeds.end()).size() != seeds.size()) {
    throw Error(where, "a seed is there twice: it would be the same run again");
  }
}

void check(const ComparisonConfig& c, const std::string& file) {
  std::set<std::string> names;
  for (const Algorithm& algorithm : c.algorithms) {
    if (algorithm.seeds.empty()) throw Error(file, algorithm.name + " has no seeds");
    check_distinct(algorithm.seeds, file + ": seeds");
    std::string name = algorithm.name;
    for (const Sweep& sweep : algorithm.sweep) name += "," + sweep.option;
    if (!names.insert(name).second) throw Error(file, "two algorithms are named " + algorithm.name);
  }
  names.clear();
  for (const SamplingWay& way : c.ways) {
    if (!names.insert(way.name).second) throw Error(file, "two ways are named " + way.name);
  }
  if (c.tune.values.empty()) return;
  if (c.tune.seeds.empty()) throw Error(file, "tune.seeds is empty", "give one or more");
  check_distinct(c.tune.seeds, file + ": tune.seeds");
  for (const Algorithm& algorithm : c.algorithms) {
    for (const std::int64_t seed : algorithm.seeds) {
      if (std::count(c.tune.seeds.begin(), c.tune.seeds.end(), seed) == 0) continue;
      throw Error(file, "seed " + std::to_string(seed) + " is in tune.seeds and in the table's",
                  "search on other seeds: what was chosen by a seed looks better on it");
    }
  }
}

}  // namespace

void ComparisonConfig::describe(config::OptionVisitor& v) {
  v.field(option("title", "Heading of the report. Blank: the file's name."), title);
  v.field(option("images",
                 "Images that every run trains on, at least; rounded up to what the "
                 "iterations of all algorithms divide.")
              .at_least(1)
              .must_be_given(),
          images);
  v.field(option("seeds", "One run of each algorithm a seed.").at_least(0), seeds);
  v.field(option("threads",
                 "Compute threads of each run. Another number is another result in the "
                 "last bits, so it does not depend on --jobs.")
              .at_least(1),
          threads);
  v.field(option("set", "Assignments over the training configs of all algorithms, as for --set."),
          set);
  v.field(
      option("equal_updates",
             "A second table: algorithms with fewer updates an iteration run again with smaller "
             "iterations, so that images and updates are equal."),
      equal_updates);
  v.section("headline", "The figure that the table, the sentences and the curves are about.", [&] {
    v.field(option("metric", "Blank: the first judge's first component, or the reward."),
            headline.metric);
    v.field(option("split", "Blank: the first of evaluation.prompts."), headline.split);
    v.field(option("target", "Level for \"images to reach it\". Blank: half of the best gain."),
            headline.target);
    v.field(option("window", "Images over which training curves are averaged.").at_least(1),
            headline.window);
  });
  v.section(
      "tune",
      "A search of one option, of equal size for each algorithm, before the comparison. Other "
      "seeds than the table's, and prompts that it does not use.",
      [&] {
        v.field(option("option", "What is searched."), tune.option);
        v.field(option("values", "Tried for each algorithm. Empty: nothing is searched."),
                tune.values);
        v.field(option("seeds", "Runs of each value.").at_least(0), tune.seeds);
        v.field(option("prompts", "Blank: those of the training configs.").path(), tune.prompts);
        v.field(option("images", "Images of each run. Blank: as the table's.").at_least(1),
                tune.images);
        v.field(option("metric", "Of metrics.jsonl; the value with the highest mean wins."),
                tune.metric);
        v.field(option("window", "Its mean is over this many images at the end.").at_least(1),
                tune.window);
      });
}

ComparisonConfig read_comparison(const std::filesystem::path& file,
                                 const std::vector<std::string>& assignments) {
  ConfigTree tree = config::load_config(file);
  for (const std::string& assignment : assignments) config::apply_set(tree, assignment);
  const auto algorithms = take(tree, "algorithms");
  const auto sweep = take(tree, "sweep");
  const auto ways = take(tree, "ways");
  ComparisonConfig c;
  config::read_options(tree, [&](config::OptionVisitor& v) { c.describe(v); });
  if (c.title.empty()) c.title = file.stem().string();
  if (!algorithms) {
    throw Error(file.string(), "algorithms is missing",
                "list them, for example algorithms: [reinforce, ppo, loop]");
  }
  const std::vector<std::string> options = train::option_names();
  c.tune.option = full_option(c.tune.option, options, file.string() + ": tune.option");
  std::vector<Sweep> swept;
  if (sweep) swept = read_sweep(*sweep, options);
  for (const ConfigTree& entry : list_of(*algorithms, "algorithms")) {
    c.algorithms.push_back(read_algorithm(entry, c, swept, options));
  }
  if (ways) {
    for (const ConfigTree& entry : list_of(*ways, "ways")) c.ways.push_back(read_way(entry));
  }
  check(c, file.string());
  return c;
}

}  // namespace loopline::experiment
