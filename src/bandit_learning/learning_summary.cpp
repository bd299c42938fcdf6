#include "loopline/bandit_learning/learning_summary.h"

#include <numeric>
#include <string_view>

#include "loopline/stats/interval.h"
#include "loopline/stats/moments.h"

namespace loopline::bandit_learning {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<const LearningCell*>;  // of one problem and objective, a seed each

constexpr int kResamples = 2000;
constexpr double kDecisiveErrors = 2;
constexpr std::string_view kComparedWith = "beta_ips";

template <class Get>
std::vector<double> over_seeds(const Cells& cells, Get get) {
  std::vector<double> values;
  for (const LearningCell* cell : cells) values.push_back(get(*cell));
  return values;
}

template <class Get>
double mean_of(const Cells& cells, Get get) {
  stats::Moments moments;
  for (const LearningCell* cell : cells) moments.add(get(*cell));
  return moments.mean();
}

Json json_of(const stats::Interval& interval) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

/// Of what is above 0 and differs by powers of ten, where Student's interval would reach below 0.
stats::Interval resampled(const std::vector<double>& values, double level) {
  std::vector<std::int64_t> seed(values.size());
  std::iota(seed.begin(), seed.end(), 0);
  return stats::cluster_bootstrap(values, seed, 0, kResamples, level);
}

Json versus(const Cells& cells, const Cells& reference) {
  stats::Moments difference;
  for (const LearningCell* cell : cells) {
    for (const LearningCell* other : reference) {
      if (cell->key.problem.seed == other->key.problem.seed) {
        difference.add(cell->truth.argmax - other->truth.argmax);
      }
    }
  }
  const double error = difference.standard_error();
  const double t = error > 0 ? difference.mean() / error : 0;
  const char* verdict = t > kDecisiveErrors ? "better" : t < -kDecisiveErrors ? "worse" : "tied";
  return {{"seeds", difference.count()},
          {"difference", difference.mean()},
          {"t", t},
          {"verdict", verdict}};
}

Json mean_by_epoch(const Cells& cells) {
  Json means = Json::array();
  for (std::size_t epoch = 0; epoch < cells.front()->gradient_variance.size(); ++epoch) {
    means.push_back(
        mean_of(cells, [&](const LearningCell& c) { return c.gradient_variance.at(epoch); }));
  }
  return means;
}

Json figures_of(const LearningSimulationConfig& config, const LearningCellKey& key) {
  Json figures = Json::object();
  const auto add = [&](const char* name, const std::vector<bandit::PublishedFigure>& published) {
    const auto figure = bandit::published_figure(published, key.problem, key.objective);
    if (figure) figures[name] = *figure;
  };
  add("value", config.published.value);
  add("argmax_value", config.published.argmax_value);
  add("gradient_variance", config.published.gradient_variance);
  return figures;
}

Json row_over(const LearningSimulationConfig& config, const Cells& cells, const Cells& reference) {
  const LearningCellKey& key = cells.front()->key;
  const auto interval = [&](auto get) {
    return json_of(stats::t_interval(over_seeds(cells, get), config.level));
  };
  const std::vector<double> variance =
      over_seeds(cells, [](const LearningCell& c) { return c.gradient_variance.back(); });
  Json row{{"temperature", key.problem.temperature},
           {"rows", key.problem.rows},
           {"objective", key.objective},
           {"seeds", cells.size()},
           {"best", mean_of(cells, [](const LearningCell& c) { return c.truth.best; })},
           {"uniform", mean_of(cells, [](const LearningCell& c) { return c.truth.uniform; })},
           {"logging", mean_of(cells, [](const LearningCell& c) { return c.truth.logging; })},
           {"value", interval([](const LearningCell& c) { return c.truth.value; })},
           {"argmax_value", interval([](const LearningCell& c) { return c.truth.argmax; })},
           {"gradient_variance", json_of(resampled(variance, config.level))},
           {"gradient_variance_by_epoch", mean_by_epoch(cells)}};
  if (cells.front()->lambda) {
    row["lambda"] = over_seeds(cells, [](const LearningCell& c) { return c.lambda.value_or(0); });
  }
  if (key.objective != kComparedWith && !reference.empty()) {
    row["versus_beta_ips"] = versus(cells, reference);
  }
  if (Json figures = figures_of(config, key); !figures.empty()) row["published"] = figures;
  return row;
}

}  // namespace

Json summarise_learning(const LearningSimulationConfig& config,
                        const std::vector<LearningCell>& cells) {
  const std::vector<std::string>& objectives = config.learning.objectives;
  const std::size_t wanted = config.temperatures.size() * config.rows.size() *
                             static_cast<std::size_t>(config.seeds) * objectives.size();
  Json summary{{"cells", cells.size()},
               {"missing", wanted - cells.size()},
               {"level", config.level},
               {"rows", Json::array()}};
  for (const double temperature : config.temperatures) {
    for (const std::int64_t rows : config.rows) {
      const auto of_objective = [&](std::string_view objective) {
        Cells own;
        for (const LearningCell& cell : cells) {
          if (cell.key.problem.temperature == temperature && cell.key.problem.rows == rows &&
              cell.key.objective == objective) {
            own.push_back(&cell);
          }
        }
        return own;
      };
      const Cells reference = of_objective(kComparedWith);
      for (const std::string& objective : objectives) {
        const Cells own = of_objective(objective);
        if (!own.empty()) summary["rows"].push_back(row_over(config, own, reference));
      }
    }
  }
  return summary;
}

}  // namespace loopline::bandit_learning
