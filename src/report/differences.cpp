#include "differences.h"

#include <vector>

namespace loopline::report::summary {
namespace {

bool excludes_zero(const stats::Interval& interval) {
  return interval.low > 0 || interval.high < 0;
}

/// Null: no common seeds or prompts, so nothing is paired.
Json pair_json(const Arm& a, const Arm& b, const Place& place, Intervals& intervals) {
  const Pairs pairs = on_common(scores_at(a.ready, place), scores_at(b.ready, place));
  if (pairs.a.empty()) return nullptr;
  const stats::ScoreTable difference = stats::difference(pairs.a.table, pairs.b.table);
  const stats::Interval bootstrap = intervals.of_mean(difference);
  const stats::Interval t = t_over_rows(difference);
  const stats::Interval improvement =
      intervals.of(pairs.a.seeds.size(), pairs.a.prompts.size(), [&](const stats::Resample& part) {
        return stats::probability_of_improvement(pairs.a.table, pairs.b.table, part);
      });
  return {{"a", a.name},
          {"b", b.name},
          {"metric", place.metric},
          {"split", place.split},
          {"seeds", pairs.a.seeds.size()},
          {"difference", json_interval(bootstrap)},
          {"t_low", json_number(t.low)},
          {"t_high", json_number(t.high)},
          {"probability_of_improvement", json_interval(improvement)},
          {"verdict", verdict(bootstrap, t)}};
}

}  // namespace

const char* verdict(const stats::Interval& bootstrap, const stats::Interval& t) {
  if (!excludes_zero(bootstrap)) return "not shown";
  return excludes_zero(t) ? "shown" : "suggested";
}

Json differences_json(const Arms& arms, const Place& place, Intervals& intervals) {
  std::vector<const Arm*> main, updates;
  for (const Arm& arm : arms.list) {
    if (arm.ready.empty()) continue;
    (arm.group == "updates" ? updates : main).push_back(&arm);
  }
  Json list = Json::array();
  const auto add = [&](const Arm& a, const Arm& b) {
    const Json pair = pair_json(a, b, place, intervals);
    if (!pair.is_null()) list.push_back(pair);
  };
  for (std::size_t i = 0; i < main.size(); ++i) {
    for (std::size_t j = i + 1; j < main.size(); ++j) add(*main[i], *main[j]);
  }
  for (const Arm* a : updates) {
    for (const Arm* b : main) add(*a, *b);
  }
  return list;
}

}  // namespace loopline::report::summary
