#include "loopline/bandit/simulation_cell.h"

#include <algorithm>
#include <limits>

#include "estimate_sums.h"
#include "loopline/bandit/argmax_policy.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/world_log.h"
#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

std::unique_ptr<Policy> policy_of(SoftmaxFit fit, double epsilon) {
  std::unique_ptr<Policy> policy =
      std::make_unique<ArgmaxPolicy>(std::move(fit.weight), std::move(fit.bias));
  if (epsilon == 0) return policy;
  return std::make_unique<EpsilonPolicy>(std::move(policy), epsilon);
}

/// The policy that importance-weighted classification learns from a log: rewarded rows alone count.
SoftmaxFit learn_target(const World& world, std::int64_t rows, double l2) {
  WeightedLabels labels{.features = world.encoding().context.width()};
  visit_rows(world, rows, [&](const WorldRows& part) {
    const LogBlock log = world.decide(part);
    for (std::size_t i = 0; i < log.size(); ++i) {
      if (log.reward[i] == 0) continue;
      const auto x = log.context.begin() + static_cast<std::ptrdiff_t>(i * log.features);
      labels.context.insert(labels.context.end(), x, x + static_cast<std::ptrdiff_t>(log.features));
      labels.label.push_back(log.action[i]);
      labels.weight.push_back(log.reward[i] / log.propensity[i]);
    }
  });
  return fit_softmax(labels, world.actions(), l2);
}

/// Sum over rows of the target's exact reward.
double value_in(const WorldRows& rows, const LogBlock& log, const Policy& target) {
  double sum = 0;
  std::vector<double> probability;
  for (std::size_t i = 0; i < rows.rows; ++i) {
    target.answer(log, i, probability);
    for (std::size_t a = 0; a < rows.actions; ++a) {
      if (probability[a] > 0) sum += probability[a] * rows.reward[i * rows.actions + a];
    }
  }
  return sum;
}

/// One problem on its way to its estimates.
class CellSimulation {
 public:
  CellSimulation(const SimulateConfig& config, const std::shared_ptr<const LabelledData>& data,
                 const CellKey& key)
      : config_(config) {
    result_.key = key;
    const auto seed = static_cast<std::uint64_t>(key.seed);
    if (data) {
      make_labelled(data, seed);
    } else {
      make_synthetic(seed);
    }
  }

  CellResult run() {
    make_log();
    estimate();
    return std::move(result_);
  }

 private:
  void make_labelled(const std::shared_ptr<const LabelledData>& data, std::uint64_t seed) {
    auto world =
        std::make_unique<LabelledWorld>(data, config_.world.labelled, result_.key.temperature,
                                        WorldKey{seed, WorldPart::kEvaluated});
    target_ = policy_of(world->target(), config_.target.epsilon);
    result_.truth = world->value_of(*target_);
    truth_is_known_ = true;
    world_ = std::move(world);
  }

  void make_synthetic(std::uint64_t seed) {
    const SyntheticConfig& synthetic = config_.world.synthetic;
    const double temperature = result_.key.temperature;
    const std::int64_t rows = std::min(result_.key.rows, config_.target.rows);
    const SyntheticWorld training(synthetic, temperature, {seed, WorldPart::kTraining}, rows);
    target_ = policy_of(learn_target(training, rows, config_.target.l2), config_.target.epsilon);
    auto world = std::make_unique<SyntheticWorld>(
        synthetic, temperature, WorldKey{seed, WorldPart::kEvaluated}, result_.key.rows);
    if (config_.truth == "fresh") {
      world->visit_truth(config_.truth_rows, [&](const WorldRows& part) {
        result_.truth += value_in(part, world->decide(part), *target_);
      });
      result_.truth /= static_cast<double>(config_.truth_rows);
      truth_is_known_ = true;
    }
    world_ = std::move(world);
  }

  void make_log() {
    double value = 0;
    log_ = std::make_shared<const std::vector<LogBlock>>(
        draw_log(*world_, result_.key.rows, [&](const WorldRows& part, const LogBlock& log) {
          if (!truth_is_known_) value += value_in(part, log, *target_);
        }));
    if (!truth_is_known_) result_.truth = value / static_cast<double>(result_.key.rows);
  }

  void estimate() {
    const EstimateConfig config = estimate_config_of(config_);
    const std::vector<EstimatorChoice> choices = choices_of(config);
    const bool needs_model =
        std::any_of(choices.begin(), choices.end(),
                    [](const EstimatorChoice& c) { return entry_of(c.kind).needs_model; });
    const auto open = [this] {
      return LogReader(log_, world_->encoding(), static_cast<std::int64_t>(world_->actions()));
    };
    std::optional<RewardModel> model;
    if (needs_model) {
      LogReader reader = open();
      const LogSurvey survey = survey_log(reader, 1, 1);
      model = fit_reward_model(config.model, open, survey);
    }
    EstimateSums sums(config, choices);
    for (const LogBlock& block : *log_) {
      sums.add({weigh(block, *target_, model ? &*model : nullptr)});
    }
    for (const EstimateRow& row : sums.estimates(0)) {
      result_.estimates.push_back({std::string(row.estimate.name), row.estimate.value,
                                   row.interval.low, row.interval.high});
    }
    const Diagnostics diagnostics = sums.diagnostics(0);
    result_.effective_rows = diagnostics.effective_rows;
    result_.mean_weight = diagnostics.mean_weight;
  }

  const SimulateConfig& config_;
  CellResult result_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Policy> target_;
  bool truth_is_known_ = false;
  std::shared_ptr<const std::vector<LogBlock>> log_;
};

double number_in(const nlohmann::json& json, const char* key) {
  return json.at(key).is_null() ? kUndefined : json.at(key).get<double>();
}

}  // namespace

nlohmann::ordered_json CellResult::to_json() const {
  nlohmann::ordered_json json{{"temperature", key.temperature},
                              {"rows", key.rows},
                              {"seed", key.seed},
                              {"truth", truth},
                              {"effective_rows", effective_rows},
                              {"mean_weight", mean_weight}};
  json["estimates"] = nlohmann::ordered_json::array();
  for (const CellEstimate& e : estimates) {
    json["estimates"].push_back(
        {{"name", e.name}, {"value", e.value}, {"low", e.low}, {"high", e.high}});
  }
  return json;
}

CellResult CellResult::from_json(const nlohmann::json& json, const std::string& where) {
  try {
    CellResult result;
    result.key = {json.at("temperature").get<double>(), json.at("rows").get<std::int64_t>(),
                  json.at("seed").get<std::int64_t>()};
    result.truth = number_in(json, "truth");
    result.effective_rows = number_in(json, "effective_rows");
    result.mean_weight = number_in(json, "mean_weight");
    for (const nlohmann::json& e : json.at("estimates")) {
      result.estimates.push_back({e.at("name").get<std::string>(), number_in(e, "value"),
                                  number_in(e, "low"), number_in(e, "high")});
    }
    return result;
  } catch (const nlohmann::json::exception& error) {
    throw failure(where, std::string("is damaged: ") + error.what(),
                  "remove it, and the same command makes it again");
  }
}

CellResult simulate_cell(const SimulateConfig& config,
                         const std::shared_ptr<const LabelledData>& data, const CellKey& key) {
  return CellSimulation(config, data, key).run();
}

}  // namespace loopline::bandit
