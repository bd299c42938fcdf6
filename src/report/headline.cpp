#include "headline.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "loopline/core/error.h"
#include "loopline/core/text.h"

namespace loopline::report::summary {
namespace {

void add_once(std::vector<std::string>& list, const std::string& name) {
  if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
}

std::vector<const Cell*> ready_cells(const Arms& arms) {
  std::vector<const Cell*> cells;
  if (arms.base) cells.push_back(arms.base);
  for (const Arm& arm : arms.list) cells.insert(cells.end(), arm.ready.begin(), arm.ready.end());
  return cells;
}

std::string first_judge(const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    if (!cell.judges.empty()) return cell.judges.front();
  }
  return "";
}

void check_known(const std::string& what, const std::string& name,
                 const std::vector<std::string>& known) {
  if (known.empty() || std::find(known.begin(), known.end(), name) != known.end()) return;
  const std::string near = nearest_name(name, known);
  throw Error("report: " + what, "no evaluation has a " + what + " \"" + name + "\"",
              near.empty() ? "they have " + join(known) : "did you mean " + near + "?");
}

/// The headline metric goes first, then the reward.
std::vector<std::string> in_order(const std::set<std::string>& names, const std::string& metric) {
  std::vector<std::string> order;
  for (const std::string& name : {metric, std::string("reward")}) {
    if (names.contains(name)) add_once(order, name);
  }
  for (const std::string& name : names) add_once(order, name);
  return order;
}

/// NaN: nothing measured.
double mean_at(const std::vector<const Cell*>& cells, const Place& place) {
  const Scores scores = scores_at(cells, place);
  if (scores.empty()) return std::nan("");
  return stats::mean(scores.table,
                     stats::crossed_draws(scores.table.size(), scores.prompts.size(), 0, 1).all);
}

}  // namespace

Headline choose_headline(const std::vector<Cell>& cells, const Arms& arms, const Subject& subject) {
  Headline headline;
  std::set<std::string> names;
  for (const Cell* cell : ready_cells(arms)) {
    for (const Evaluation& evaluation : cell->evaluations) {
      if (evaluation.name != kDefaultEvaluation) {
        add_once(headline.conditions, evaluation.name);
        continue;
      }
      for (const SplitScores& split : evaluation.splits) {
        add_once(headline.splits, split.name);
        for (const auto& [name, values] : split.metrics) names.insert(name);
      }
    }
  }
  const std::string judge = first_judge(cells);
  headline.metric = !subject.metric.empty() ? subject.metric : judge.empty() ? "reward" : judge;
  if (!subject.metric.empty()) check_known("metric", subject.metric, {names.begin(), names.end()});
  if (!names.empty() && !names.contains(headline.metric)) headline.metric = "reward";
  headline.metrics = in_order(names, headline.metric);
  headline.split = subject.split;
  if (!subject.split.empty()) check_known("split", subject.split, headline.splits);
  if (subject.split.empty() && !headline.splits.empty()) headline.split = headline.splits.front();
  return headline;
}

std::optional<double> choose_target(const Arms& arms, const Headline& headline,
                                    const Subject& subject) {
  if (subject.target || !arms.base) return subject.target;
  const double base = mean_at({arms.base}, headline.place());
  double best = base;
  for (const Arm& arm : arms.list) {
    if (arm.group == "updates") continue;
    const double mean = mean_at(arm.ready, headline.place());
    if (mean > best) best = mean;
  }
  if (!(best > base)) return std::nullopt;
  const double half = base + (best - base) / 2;
  const double rounded = std::round(half * 100) / 100;
  return rounded > base && rounded < best ? rounded : half;
}

}  // namespace loopline::report::summary
