#include "loopline/bandit_learning/learning_report.h"

#include <map>

#include "loopline/bandit/page.h"
#include "loopline/bandit_learning/learning_run.h"
#include "loopline/config/config_tree.h"
#include "loopline/core/files.h"
#include "loopline/io/json.h"
#include "loopline/report/run_cell.h"
#include "loopline/run/metrics.h"
#include "loopline/run/run_directory.h"

namespace loopline::bandit_learning {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json curves_of(const fs::path& metrics) {
  Json curves = {{"iteration", Json::array()}};
  run::MetricsLog::visit(metrics, [&](const nlohmann::json& line) {
    for (const auto& [name, value] : line.items()) {
      if (!name.starts_with("time/")) curves[name].push_back(Json(value));
    }
  });
  return curves;
}

/// The epoch whose policy is kept: the first of those with the highest value on held-out rows.
std::size_t best_epoch(const Json& curves) {
  std::size_t best = 0, epoch = 0;
  double highest = 0;
  for (const Json& value : curves.value("heldout/value", Json::array())) {
    ++epoch;
    if (!value.is_number() || (best > 0 && value.get<double>() <= highest)) continue;
    best = epoch;
    highest = value.get<double>();
  }
  return best;
}

Json report_of_run(const fs::path& path) {
  const auto directory = run::RunDirectory::open(path);
  const Json curves = curves_of(directory.metrics());
  Json settings = Json::object();
  const std::string config = read_file(directory.config());
  for (const auto& [option, value] :
       report::settings_of(config::parse_yaml(config, directory.config()))) {
    settings[option] = value;
  }
  const fs::path summary = path / kSummaryFile;
  return {{"name", fs::weakly_canonical(path).filename().string()},
          {"epochs", curves["iteration"].size()},
          {"best_epoch", best_epoch(curves)},
          {"settings", settings},
          {"summary", fs::exists(summary) ? Json::parse(read_file(summary)) : Json()},
          {"curves", curves}};
}

void tell_apart(Json& runs) {
  std::map<std::string, int> seen;
  for (Json& run : runs) {
    const auto name = run["name"].get<std::string>();
    if (const int before = seen[name]++; before > 0) {
      run["name"] = name + " (" + std::to_string(before + 1) + ")";
    }
  }
}

}  // namespace

Json report_learning_runs(const std::vector<fs::path>& runs, const fs::path& directory,
                          const std::string& command) {
  const bandit::ReportFiles files(directory, "loopline-bandit-learn");
  Json report = {{"runs", Json::array()}};
  for (const fs::path& run : runs) report["runs"].push_back(report_of_run(run));
  tell_apart(report["runs"]);
  files.write(learning_page(report, command), report, command);
  return report;
}

}  // namespace loopline::bandit_learning
