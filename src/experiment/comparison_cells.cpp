#include "loopline/experiment/comparison_cells.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <numeric>

#include "loopline/config/config_tree.h"
#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "loopline/policy/surrogate.h"
#include "loopline/report/run_cell.h"
#include "loopline/train/evaluation.h"
#include "loopline/train/plan.h"

namespace loopline::experiment {
namespace {

/// A row of a table before its seeds.
struct Arm {
  std::string name, group, algorithm, config;
  std::vector<std::string> assignments;
  std::vector<std::int64_t> seeds;
  train::TrainConfig resolved{};  ///< of `config` and `assignments`
};

std::string last_part(const std::string& option) {
  return option.substr(option.find_last_of('.') + 1);
}

/// Every combination of the swept values, the last option turning fastest.
std::vector<Arm> arms_of(const Algorithm& algorithm) {
  std::vector<Arm> arms{
      {algorithm.name, "main", algorithm.name, algorithm.config, algorithm.set, algorithm.seeds}};
  for (const Sweep& sweep : algorithm.sweep) {
    std::vector<Arm> wider;
    for (const Arm& arm : arms) {
      for (const std::string& value : sweep.values) {
        wider.push_back(arm);
        wider.back().name.append("-").append(last_part(sweep.option)).append("-").append(value);
        wider.back().assignments.push_back(sweep.option + "=" + value);
      }
    }
    arms = std::move(wider);
  }
  return arms;
}

std::int64_t updates_of(const train::TrainConfig& c) {
  return *c.learner.updates_per_epoch * c.learner.inner_epochs;
}

/// Reads what the arms train, once: a plan hashes its model.
void resolve(std::vector<Arm>& arms) {
  for (Arm& arm : arms) {
    arm.resolved = train::load_train_plan(arm.config, arm.assignments).config;
  }
}

/// The arms again with iterations as much smaller as they have fewer updates.
std::vector<Arm> with_equal_updates(const std::vector<Arm>& arms) {
  std::int64_t most = 0;
  for (const Arm& arm : arms) most = std::max(most, updates_of(arm.resolved));
  std::vector<Arm> more;
  for (Arm arm : arms) {
    const train::TrainConfig& c = arm.resolved;
    const std::int64_t updates = updates_of(c), images = c.rollout.images;
    if (updates == most) continue;
    const std::int64_t smaller = images * updates / most;
    if (smaller * most != images * updates || smaller % *c.rollout.group_size != 0) {
      throw Error("equal_updates",
                  arm.name + " makes " + std::to_string(updates) + " updates of " +
                      std::to_string(images) + " images where others make " + std::to_string(most) +
                      ", and its groups cannot be divided so",
                  "change rollout.images");
    }
    arm.name += "-equal-updates";
    arm.group = "updates";
    arm.assignments.push_back("rollout.images=" + std::to_string(smaller));
    // Pictures after as many images as the others' are.
    const std::int64_t every = c.samples.every * most / updates;
    arm.assignments.push_back("samples.every=" + std::to_string(every));
    more.push_back(std::move(arm));
  }
  return more;
}

std::vector<WantedEvaluation> wanted_evaluations(const train::TrainPlan& plan,
                                                 const std::vector<SamplingWay>& ways) {
  const train::TrainConfig& c = plan.config;
  std::vector<SamplingWay> all(1);
  all.front().name = "default";
  all.insert(all.end(), ways.begin(), ways.end());
  std::vector<WantedEvaluation> wanted;
  for (const SamplingWay& way : all) {
    const io::TransitionSpec own = train::evaluation_transition(c, plan.bundle);
    WantedEvaluation evaluation;
    report::Evaluation& result = evaluation.result;
    result.name = way.name;
    result.steps = way.steps.value_or(own.steps);
    result.eta = way.eta.value_or(own.eta);
    result.guidance = way.guidance.value_or(own.guidance);
    result.images_per_prompt = c.evaluation.images_per_prompt;
    result.seed = c.evaluation.seed;
    std::vector<std::string> files = way.prompts.empty() ? c.evaluation.prompts : way.prompts;
    if (files.empty() && c.prompts) files = {*c.prompts};
    for (const train::Split& split : train::read_splits(files, c.evaluation.max_prompts)) {
      result.splits.push_back({split.name, {}, {}});
      for (const io::Prompt& prompt : split.prompts) {
        result.splits.back().prompts.push_back(prompt.text);
      }
    }
    char eta[32], guidance[32];
    std::snprintf(eta, sizeof eta, "%.17g", result.eta);
    std::snprintf(guidance, sizeof guidance, "%.17g", result.guidance);
    evaluation.arguments = {"--images-per-prompt",
                            std::to_string(result.images_per_prompt),
                            "--max-prompts",
                            std::to_string(c.evaluation.max_prompts),
                            "--seed",
                            std::to_string(result.seed),
                            "--steps",
                            std::to_string(result.steps),
                            "--eta",
                            eta,
                            "--guidance",
                            guidance,
                            "--threads",
                            std::to_string(c.threads)};
    for (const std::string& file : files) {
      evaluation.arguments.insert(evaluation.arguments.end(), {"--prompts", file});
    }
    wanted.push_back(std::move(evaluation));
  }
  return wanted;
}

/// `images` rounded up to what the iterations of all arms divide.
std::int64_t common_images(const std::vector<Arm>& arms, std::int64_t images) {
  std::int64_t unit = 1;
  for (const Arm& arm : arms) unit = std::lcm(unit, arm.resolved.rollout.images);
  if (unit > 2 * images) {
    throw Error("images",
                "the iterations of the algorithms have only every " + std::to_string(unit) +
                    " images in common",
                "choose rollout.images that divide each other, or more images");
  }
  return (images + unit - 1) / unit * unit;
}

std::size_t most_seeds(const std::vector<Arm>& arms) {
  std::size_t most = 0;
  for (const Arm& arm : arms) most = std::max(most, arm.seeds.size());
  return most;
}

/// What the cells of an arm have in common; `ways` of none: they are not evaluated.
CellPlan cell_of_any_seed(const Arm& arm, std::int64_t images, std::int64_t threads,
                          const std::vector<SamplingWay>* ways) {
  CellPlan cell;
  cell.arm = arm.name;
  cell.group = arm.group;
  cell.algorithm = arm.algorithm;
  cell.config = arm.config;
  cell.images = images;
  cell.iterations = images / arm.resolved.rollout.images;
  cell.assignments = arm.assignments;
  cell.assignments.push_back("threads=" + std::to_string(threads));
  cell.assignments.push_back("iterations=" + std::to_string(cell.iterations));
  const train::TrainPlan plan = train::load_train_plan(cell.config, cell.assignments);
  cell.settings = report::settings_of(
      config::parse_yaml(train::write_train_config(plan.config), "config.yaml"));
  if (ways != nullptr) cell.evaluations = wanted_evaluations(plan, *ways);
  return cell;
}

CellPlan with_seed(CellPlan cell, std::int64_t seed) {
  const std::string text = std::to_string(seed);
  cell.name = cell.arm + "-seed-" + text;
  cell.seed = seed;
  cell.assignments.push_back("seed=" + text);
  for (auto& [option, value] : cell.settings) {
    if (option == "seed") value = text;
  }
  return cell;
}

/// What makes a cell another one. Threads change the last bits; how long a constant schedule is,
/// and what weights a run starts from when it starts from its bundle's, do not.
std::vector<std::string> compared_options(const CellPlan& plan) {
  std::vector<std::string> names = train::identifying_options();
  const std::string* schedule = setting(plan.settings, "optimizer.schedule");
  std::erase_if(names, [&](const std::string& name) {
    return name == "hashes.init" ||
           (name == "optimizer.decay_iterations" && schedule != nullptr && *schedule == "constant");
  });
  names.push_back("threads");
  return names;
}

}  // namespace

std::vector<CellPlan> tuning_cells(const ComparisonConfig& config) {
  std::vector<CellPlan> cells;
  const ComparisonConfig::Tuning& tune = config.tune;
  if (tune.values.empty()) return cells;
  std::vector<Arm> arms;
  for (const Algorithm& algorithm : config.algorithms) {
    const auto is_same = [&](const Arm& arm) { return arm.algorithm == algorithm.name; };
    if (std::any_of(arms.begin(), arms.end(), is_same)) continue;  // one search for all its sweeps
    for (const double value : tune.values) {
      char text[32];
      std::snprintf(text, sizeof text, "%.12g", value);
      Arm arm{"tune-" + algorithm.name + "-" + text,
              "tune",
              algorithm.name,
              algorithm.config,
              algorithm.set,
              tune.seeds};
      if (tune.prompts) arm.assignments.push_back("prompts=" + *tune.prompts);
      arm.assignments.push_back(tune.option + "=" + text);
      arms.push_back(std::move(arm));
    }
  }
  resolve(arms);
  const std::int64_t images = common_images(arms, tune.images.value_or(config.images));
  for (const Arm& arm : arms) {
    const CellPlan common = cell_of_any_seed(arm, images, config.threads, nullptr);
    for (const std::int64_t seed : arm.seeds) {
      CellPlan cell = with_seed(common, seed);
      cell.tried = arm.assignments.back().substr(tune.option.size() + 1);
      cell.arm = "tune/" + arm.algorithm + "/" + cell.tried;
      cells.push_back(std::move(cell));
    }
  }
  return cells;
}

std::vector<CellPlan> comparison_cells(const ComparisonConfig& config, const Tuned& tuned) {
  std::vector<Arm> arms;
  for (Algorithm algorithm : config.algorithms) {
    const auto chosen = tuned.find(algorithm.name);
    if (chosen != tuned.end()) {
      algorithm.set.push_back(config.tune.option + "=" + chosen->second);
    }
    for (Arm& arm : arms_of(algorithm)) arms.push_back(std::move(arm));
  }
  resolve(arms);
  if (config.equal_updates) {
    std::vector<Arm> more = with_equal_updates(arms);
    resolve(more);
    std::move(more.begin(), more.end(), std::back_inserter(arms));
  }
  const std::int64_t images = common_images(arms, config.images);
  std::vector<CellPlan> common, cells;
  for (const Arm& arm : arms) {
    common.push_back(cell_of_any_seed(arm, images, config.threads, &config.ways));
  }
  for (const char* group : {"main", "updates"}) {
    for (std::size_t round = 0; round < most_seeds(arms); ++round) {
      for (std::size_t i = 0; i < arms.size(); ++i) {
        if (arms[i].group != group || round >= arms[i].seeds.size()) continue;
        CellPlan cell = with_seed(common[i], arms[i].seeds[round]);
        cell.pictures = round == 0;
        cell.with_base = cells.empty();
        cells.push_back(std::move(cell));
      }
    }
  }
  return cells;
}

const std::string* setting(const std::vector<std::pair<std::string, std::string>>& settings,
                           const std::string& option) {
  for (const auto& [name, value] : settings) {
    if (name == option) return &value;
  }
  return nullptr;
}

std::string other_settings(const CellPlan& plan, const report::Cell& cell) {
  std::vector<std::string> differences;
  for (const std::string& option : compared_options(plan)) {
    const std::string* wanted = setting(plan.settings, option);
    const std::string* found = setting(cell.settings, option);
    if (wanted == nullptr || found == nullptr || *wanted == *found) continue;
    differences.push_back(option + " is " + *found + " there, not " + *wanted);
  }
  const auto images =
      static_cast<std::int64_t>(cell.curve.images.empty() ? 0 : cell.curve.images.back());
  if (images > plan.images) {
    differences.push_back("it has " + std::to_string(images) + " images, not " +
                          std::to_string(plan.images));
  }
  return join(differences, "; ");
}

bool is_wanted(const WantedEvaluation& wanted, const report::Evaluation& evaluation) {
  const report::Evaluation& result = wanted.result;
  const auto same_splits = [](const report::SplitScores& a, const report::SplitScores& b) {
    return a.name == b.name && a.prompts == b.prompts;
  };
  return result.name == evaluation.name && result.steps == evaluation.steps &&
         std::abs(result.eta - evaluation.eta) < 1e-5 &&
         std::abs(result.guidance - evaluation.guidance) < 1e-5 * (1 + result.guidance) &&
         result.images_per_prompt == evaluation.images_per_prompt &&
         result.seed == evaluation.seed &&
         std::equal(result.splits.begin(), result.splits.end(), evaluation.splits.begin(),
                    evaluation.splits.end(), same_splits);
}

}  // namespace loopline::experiment
