#include "tuning.h"

#include <cmath>
#include <filesystem>

#include "loopline/core/error.h"
#include "loopline/stats/moments.h"

namespace loopline::experiment {
namespace {

using Json = nlohmann::ordered_json;

/// The mean of a metric over the last `window` images of a run.
double score_of(const report::Cell& cell, const ComparisonConfig::Tuning& tune) {
  const auto found = cell.curve.metrics.find(tune.metric);
  if (found == cell.curve.metrics.end()) {
    throw Error("tune.metric", "runs do not log \"" + tune.metric + "\"",
                "reward/mean or a judge's, as judge/oracle_joint");
  }
  stats::Moments moments;
  const double end = cell.curve.images.back();
  for (std::size_t i = 0; i < found->second.size(); ++i) {
    const bool counts = cell.curve.images[i] > end - static_cast<double>(tune.window);
    if (counts && std::isfinite(found->second[i])) moments.add(found->second[i]);
  }
  return moments.mean();
}

Json& entry_of(Json& table, const std::string& algorithm, const ComparisonConfig::Tuning& tune,
               std::int64_t images) {
  for (Json& entry : table) {
    if (entry["algorithm"] == algorithm) return entry;
  }
  const std::string prompts =
      tune.prompts ? std::filesystem::path(*tune.prompts).filename().string() : "";
  table.push_back({{"algorithm", algorithm},
                   {"option", tune.option},
                   {"metric", tune.metric},
                   {"prompts", prompts},
                   {"seeds", tune.seeds},
                   {"images", images},
                   {"values", Json::array()}});
  return table.back();
}

}  // namespace

Search choose(const ComparisonConfig& config, const std::vector<CellPlan>& cells,
              const ComparisonFiles& files) {
  Search search{{}, Json::array()};
  std::map<std::string, stats::Moments> scores;  // by arm
  for (const CellPlan& plan : cells) {
    Json& values = entry_of(search.table, plan.algorithm, config.tune, plan.images)["values"];
    if (values.empty() || values.back()["value"] != plan.tried) {
      values.push_back({{"value", plan.tried}, {"score", nullptr}, {"runs", 0}, {"chosen", false}});
    }
    const auto record = read_record(files, plan.name);
    if (!record) continue;
    stats::Moments& moments = scores[plan.arm];
    moments.add(score_of(*record, config.tune));
    values.back()["score"] = moments.mean();
    values.back()["runs"] = moments.count();
  }
  for (Json& entry : search.table) {
    Json* best = nullptr;
    for (Json& value : entry["values"]) {
      if (value["score"].is_null()) continue;
      if (best == nullptr || value["score"] > (*best)["score"]) best = &value;
    }
    const auto algorithm = entry["algorithm"].get<std::string>();
    if (best == nullptr) throw failure("tune", "no run of " + algorithm + " was finished");
    (*best)["chosen"] = true;
    Json& values = entry["values"];
    entry["at_end"] = best == &values.front() || best == &values.back();
    search.chosen[algorithm] = (*best)["value"].get<std::string>();
  }
  return search;
}

}  // namespace loopline::experiment
