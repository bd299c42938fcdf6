#include "loopline/bandit/estimate_log.h"

#include <algorithm>

#include "log_valuation.h"

namespace loopline::bandit {
namespace {

using Json = nlohmann::ordered_json;

Json estimate_report(const EstimateConfig& config, const LogValuation& valuation) {
  const EstimateSums& sums = valuation.sums();
  const Verdict verdict = valuation.verdict(0);
  Json json;
  json["verdict"] = name_of(verdict.level);
  json["reasons"] = verdict.reasons;
  json["rows"] = valuation.reader().rows();
  json["estimates"] = Json::array();
  for (const EstimateRow& row : sums.estimates(0)) {
    Json& entry = json["estimates"].emplace_back(Json{{"name", row.estimate.name}});
    add_numbers(row, config.interval.level, entry);
  }
  json["diagnostics"] = valuation.diagnostics_json(0);
  if (valuation.reader().loggers().size() > 1) json["loggers"] = valuation.loggers_json(0);
  json["policy"] = valuation.policy_json(0);
  if (const std::optional<Json> model = valuation.model_json()) json["model"] = *model;
  json["log"] = valuation.log_json();
  return json;
}

}  // namespace

Json estimate_log(const EstimateConfig& config, run::Progress& progress) {
  config.check();
  LogValuation valuation(config, {{"policy", config.policy}}, {}, progress);
  valuation.run();
  return estimate_report(config, valuation);
}

}  // namespace loopline::bandit
