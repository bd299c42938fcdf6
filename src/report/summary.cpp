#include "loopline/report/summary.h"

#include <algorithm>
#include <set>

#include "algorithm_rows.h"
#include "arms.h"
#include "curves.h"
#include "differences.h"
#include "findings.h"
#include "headline.h"
#include "intervals.h"
#include "loopline/core/error.h"
#include "report_view.h"
#include "settings.h"

namespace loopline::report {
namespace summary {
namespace {

Json running_json(const std::vector<Cell>& cells) {
  Json names = Json::array();
  for (const Cell& cell : cells) {
    if (!is_ready(cell)) names.push_back(cell.name);
  }
  return names;
}

Json seeds_json(const Arms& arms) {
  std::set<std::int64_t> seeds;
  for (const Arm& arm : arms.list) {
    for (const Cell* cell : arm.runs) seeds.insert(cell->seed);
  }
  return seeds;
}

bool lies_above(const Json& a, const Json& b) {
  return !a["low"].is_null() && !b["high"].is_null() && a["low"] > b["high"];
}

bool is_shown(const Json& report, const std::string& a, const std::string& b) {
  return std::any_of(
      report["differences"].begin(), report["differences"].end(), [&](const Json& pair) {
        return pair["verdict"] == "shown" &&
               ((pair["a"] == a && pair["b"] == b) || (pair["a"] == b && pair["b"] == a));
      });
}

/// The main arm whose interval lies above those of all others, where that is shown: percentiles
/// over few seeds are too narrow to say so alone.
Json best_json(const Json& report) {
  std::vector<ArmView> arms = arms_of(report, "main");
  std::erase_if(arms, [](const ArmView& arm) { return !arm.score; });
  if (arms.size() < 2) return nullptr;
  for (const ArmView& arm : arms) {
    const bool is_best = std::all_of(arms.begin(), arms.end(), [&](const ArmView& other) {
      return other.name == arm.name ||
             (lies_above(*arm.score, *other.score) && is_shown(report, arm.name, other.name));
    });
    if (is_best) return arm.name;
  }
  return nullptr;
}

}  // namespace
}  // namespace summary

nlohmann::ordered_json summarize(const std::vector<Cell>& cells, const Subject& subject) {
  using namespace summary;
  LOOPLINE_CHECK(subject.window > 0, "curves are averaged over at least one image");
  const Arms arms = arrange(cells);
  const Headline headline = choose_headline(cells, arms, subject);
  const auto target = choose_target(arms, headline, subject);
  Intervals intervals;
  Json algorithms = Json::object();
  for (const Arm& arm : arms.list) {
    if (arm.ready.empty()) continue;
    algorithms[arm.name] =
        algorithm_json(arm, arms.base, headline, target, subject.window, intervals);
  }
  const std::vector<std::string> curves = {"reward/mean",     curve_of(headline.metric),
                                           "kl/nats",         "policy/clip_fraction",
                                           "image/diversity", "watch/gap"};
  Json report = {{"format", "loopline-report"},
                 {"version", 1},
                 {"title", subject.title},
                 {"command", subject.command},
                 {"metric", headline.metric},
                 {"split", headline.split},
                 {"target", target ? json_number(*target) : Json()},
                 {"versions", versions_json(cells)},
                 {"problems", subject.problems},
                 {"running", running_json(cells)},
                 {"seeds", seeds_json(arms)},
                 {"splits", headline.splits},
                 {"metrics", headline.metrics},
                 {"base", base_json(arms, headline)},
                 {"algorithms", algorithms},
                 {"differences", differences_json(arms, headline.place(), intervals)},
                 {"best", nullptr},
                 {"curves", curves_json(arms, curves, subject.window, intervals)},
                 {"settings", settings_json(arms)},
                 {"tuning", subject.tuning}};
  report["best"] = best_json(report);
  report["findings"] = findings(report);
  return report;
}

}  // namespace loopline::report
