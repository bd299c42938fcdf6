#include "loopline/bandit/simulation_summary.h"

#include <cmath>
#include <optional>

#include "loopline/stats/bootstrap.h"
#include "loopline/stats/moments.h"

namespace loopline::bandit {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kDecisive = 2;  // standard errors
constexpr std::string_view kReference = "beta_ips";

const CellEstimate* estimate_named(const CellResult& cell, std::string_view name) {
  for (const CellEstimate& estimate : cell.estimates) {
    if (estimate.name == name) return &estimate;
  }
  return nullptr;
}

/// Nothing where the estimate does not exist.
std::optional<double> error_in(const CellResult& cell, std::string_view name) {
  const CellEstimate* estimate = estimate_named(cell, name);
  if (estimate == nullptr || std::isnan(estimate->value)) return std::nullopt;
  return estimate->value - cell.truth;
}

stats::Interval mean_interval(const std::vector<double>& values, std::int64_t resamples) {
  stats::ScoreTable table;
  for (const double value : values) table.push_back({value});
  return stats::crossed_bootstrap(
      stats::crossed_draws(values.size(), 1, 0, static_cast<int>(resamples)),
      [&](const stats::Resample& resample) { return stats::mean(table, resample); });
}

Json versus_reference(const std::vector<const CellResult*>& cells, const std::string& name) {
  stats::Moments difference;
  for (const CellResult* cell : cells) {
    const auto own = error_in(*cell, name);
    const auto reference = error_in(*cell, kReference);
    if (own && reference) difference.add(*own * *own - *reference * *reference);
  }
  const double error = difference.standard_error();
  const double t = error > 0 ? difference.mean() / error : 0;
  const char* verdict = t < -kDecisive ? "better" : t > kDecisive ? "worse" : "tied";
  return {{"seeds", difference.count()},
          {"difference", difference.mean()},
          {"t", t},
          {"verdict", verdict}};
}

Json summary_row(const SimulateConfig& config, const std::vector<const CellResult*>& cells,
                 const std::string& name) {
  stats::Moments error, truth;
  std::vector<double> squares;
  double covered = 0;
  for (const CellResult* cell : cells) {
    truth.add(cell->truth);
    const auto own = error_in(*cell, name);
    if (!own) continue;
    error.add(*own);
    squares.push_back(*own * *own);
    const CellEstimate* estimate = estimate_named(*cell, name);
    // Bounds that do not exist (null in the file) are infinite ones.
    covered += !(estimate->low > cell->truth) && !(estimate->high < cell->truth) ? 1 : 0;
  }
  const CellKey& key = cells.front()->key;
  Json row{{"temperature", key.temperature},
           {"rows", key.rows},
           {"estimator", name},
           {"seeds", squares.size()},
           {"undefined", cells.size() - squares.size()},
           {"truth", truth.mean()}};
  if (squares.empty()) return row;
  const stats::Interval mse = mean_interval(squares, config.resamples);
  row["mse"] = mse.mean;
  row["mse_low"] = mse.low;
  row["mse_high"] = mse.high;
  row["bias_squared"] = error.mean() * error.mean();
  row["variance"] = error.population_variance();
  row["coverage"] = covered / static_cast<double>(squares.size());
  if (name != kReference && estimate_named(*cells.front(), kReference) != nullptr) {
    row["versus_beta_ips"] = versus_reference(cells, name);
  }
  if (const auto published = published_figure(config.published, key, name)) {
    row["published"] = *published;
    row["ratio"] = mse.mean / *published;
  }
  return row;
}

}  // namespace

Json summarise_simulation(const SimulateConfig& config, const std::vector<CellResult>& cells) {
  const std::size_t wanted =
      config.temperatures.size() * config.rows.size() * static_cast<std::size_t>(config.seeds);
  Json summary{{"cells", cells.size()},
               {"missing", wanted - cells.size()},
               {"level", config.level},
               {"rows", Json::array()}};
  for (const double temperature : config.temperatures) {
    for (const std::int64_t rows : config.rows) {
      std::vector<const CellResult*> own;
      for (const CellResult& cell : cells) {
        if (cell.key.temperature == temperature && cell.key.rows == rows) own.push_back(&cell);
      }
      if (own.empty()) continue;
      for (const CellEstimate& estimate : own.front()->estimates) {
        summary["rows"].push_back(summary_row(config, own, estimate.name));
      }
    }
  }
  return summary;
}

}  // namespace loopline::bandit
