#include "loopline/bandit_learning/learning_cell.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "gather_rows.h"
#include "loopline/bandit/world_log.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit_learning {
namespace {

constexpr std::int64_t kRowsOfSnips = 4096;  // whose probabilities are in memory at once

/// The log of a problem's world.
LearningRows rows_of(const LearningSimulationConfig& config, const bandit::World& world,
                     const LearningCellKey& key) {
  const auto blocks = std::make_shared<const std::vector<bandit::LogBlock>>(
      bandit::draw_log(world, key.problem.rows));
  const auto actions = static_cast<std::int64_t>(world.actions());
  const auto open = [&] { return bandit::LogReader(blocks, world.encoding(), actions); };
  if (key.objective != "dr") return gather_rows(open(), nullptr, actions);
  const bandit::RewardModelConfig& wanted = config.learning.model;
  bandit::LogReader reader = open();
  const bandit::LogSurvey survey = bandit::survey_log(reader, static_cast<int>(wanted.folds), 1);
  const bandit::RewardModel model = bandit::fit_reward_model(wanted, open, survey);
  return gather_rows(open(), &model, actions);
}

Learned learn_all(const LearningRows& rows, const NetworkShape& shape,
                  const LearnOptions& options) {
  Learned learned =
      learn(rows, shape, options, [](const Learner&, const EpochTrace&) { return !interrupted(); });
  if (interrupted()) throw stopped("the simulation");
  return learned;
}

double snips_on(const SoftmaxNetwork& network, const LearningRows& rows) {
  double weight = 0, weighted = 0;
  for (std::int64_t begin = 0; begin < rows.size(); begin += kRowsOfSnips) {
    const LearningRows part = rows.slice(begin, std::min(kRowsOfSnips, rows.size() - begin));
    const at::Tensor p = network.probabilities(part.features);
    const at::Tensor w = p.gather(1, part.action.unsqueeze(1)).squeeze(1) / part.propensity;
    weight += w.sum().item<double>();
    weighted += at::dot(w, part.reward).item<double>();
  }
  return weighted / weight;
}

/// Of several the one with the best policy by SNIPS on its own log after half the epochs, as in the
/// paper (Gupta et al. 2024).
double choose_lambda(const std::vector<double>& candidates, const LearningRows& rows,
                     const NetworkShape& shape, LearnOptions options) {
  if (candidates.size() == 1) return candidates.front();
  options.epochs = std::max<std::int64_t>(options.epochs / 2, 1);
  double best = candidates.front(), highest = -std::numeric_limits<double>::infinity();
  for (const double lambda : candidates) {
    options.objective.lambda = lambda;
    const double value = snips_on(learn_all(rows, shape, options).network, rows);
    if (value <= highest) continue;
    highest = value;
    best = lambda;
  }
  return best;
}

}  // namespace

std::string LearningCellKey::name() const { return problem.name() + "_" + objective; }

nlohmann::ordered_json LearningCell::to_json() const {
  nlohmann::ordered_json json{{"temperature", key.problem.temperature},
                              {"rows", key.problem.rows},
                              {"seed", key.problem.seed},
                              {"objective", key.objective},
                              {"value", truth.value},
                              {"argmax_value", truth.argmax},
                              {"best", truth.best},
                              {"uniform", truth.uniform},
                              {"logging", truth.logging}};
  if (lambda) json["lambda"] = *lambda;
  json["gradient_variance"] = gradient_variance;
  json["baseline"] = baseline;
  return json;
}

LearningCell LearningCell::from_json(const nlohmann::json& json, const std::string& where) {
  try {
    LearningCell cell;
    cell.key.problem = {json.at("temperature").get<double>(), json.at("rows").get<std::int64_t>(),
                        json.at("seed").get<std::int64_t>()};
    cell.key.objective = json.at("objective").get<std::string>();
    cell.truth = {json.at("value").get<double>(), json.at("argmax_value").get<double>(),
                  json.at("best").get<double>(), json.at("uniform").get<double>(),
                  json.at("logging").get<double>()};
    if (json.contains("lambda")) cell.lambda = json.at("lambda").get<double>();
    cell.gradient_variance = json.at("gradient_variance").get<std::vector<double>>();
    cell.baseline = json.at("baseline").get<std::vector<double>>();
    if (!cell.gradient_variance.empty()) return cell;
  } catch (const nlohmann::json::exception& error) {
    throw failure(where, std::string("is damaged: ") + error.what(),
                  "remove it, and the same command makes it again");
  }
  throw failure(where, "is damaged: no epoch", "remove it, and the same command makes it again");
}

LearningCell learn_in_world(const LearningSimulationConfig& config,
                            const std::shared_ptr<const bandit::LabelledData>& data,
                            const LearningCellKey& key) {
  const std::unique_ptr<bandit::World> world = bandit::make_world(config, data, key.problem);
  const LearningRows rows = rows_of(config, *world, key);
  const NetworkShape shape{rows.features.size(1), config.learning.hidden,
                           static_cast<std::int64_t>(world->actions()), config.learning.bias};
  LearnOptions options =
      learn_options(config, key.objective, static_cast<std::uint64_t>(key.problem.seed));
  LearningCell cell;
  cell.key = key;
  if (options.objective.kind == Objective::kBanditNet) {
    cell.lambda = choose_lambda(config.learning.lambda, rows, shape, options);
    options.objective.lambda = *cell.lambda;
  }
  const Learned learned = learn_all(rows, shape, options);
  for (const EpochTrace& epoch : learned.trace) {
    cell.gradient_variance.push_back(epoch.gradient_variance);
    cell.baseline.push_back(epoch.baseline);
  }
  cell.truth = true_value(learned.network, *world, config.truth_rows);
  return cell;
}

}  // namespace loopline::bandit_learning
