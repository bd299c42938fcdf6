#include "algorithm_rows.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "alarms.h"
#include "curves.h"

namespace loopline::report::summary {
namespace {

double mean_over(const std::vector<const Cell*>& cells, double (*value)(const Cell&)) {
  double sum = 0;
  for (const Cell* cell : cells) sum += value(*cell);
  return sum / static_cast<double>(cells.size());
}

double last(const std::vector<double>& values) { return values.empty() ? 0 : values.back(); }

Json budget_json(const std::vector<const Cell*>& cells) {
  const auto mean = [&](double (*value)(const Cell&)) {
    return json_number(mean_over(cells, value));
  };
  const auto images = [](const Cell& cell) { return last(cell.curve.images); };
  return {{"images", mean(images)},
          {"updates", mean([](const Cell& cell) { return last(cell.curve.updates); })},
          {"sample_steps", mean([](const Cell& cell) {
             return last(cell.curve.images) * static_cast<double>(cell.steps_per_image);
           })},
          {"reward_queries", mean(images)},  // every image is scored, once
          {"seconds", mean([](const Cell& cell) { return last(cell.curve.seconds); })}};
}

/// Prompts of the one base model as clusters of one value each.
Json base_interval(const Scores& scores) {
  std::vector<double> values;
  for (const double value : scores.table.front()) {
    if (!std::isnan(value)) values.push_back(value);
  }
  if (values.empty()) return nullptr;
  std::vector<std::int64_t> labels(values.size());
  std::iota(labels.begin(), labels.end(), 0);
  return json_interval(stats::cluster_bootstrap(values, labels, /*seed=*/1));
}

Json both_intervals(const stats::ScoreTable& table, Intervals& intervals) {
  Json json = json_interval(intervals.of_mean(table));
  const stats::Interval t = t_over_rows(table);
  json["t_low"] = json_number(t.low);
  json["t_high"] = json_number(t.high);
  return json;
}

Json score_json(const Scores& scores, const Scores& base, Intervals& intervals) {
  Json json = both_intervals(scores.table, intervals);
  const Scores gain = gains(scores, base);
  json["gain"] = gain.empty() ? Json() : both_intervals(gain.table, intervals);
  return json;
}

/// {SPLIT: {METRIC: value}}, without what the cells do not have.
template <typename Value>
Json by_split(const Headline& headline, const std::string& evaluation, const Value& value) {
  Json splits = Json::object();
  for (const std::string& split : headline.splits) {
    for (const std::string& metric : headline.metrics) {
      const Json json = value(Place{evaluation, split, metric});
      if (!json.is_null()) splits[split][metric] = json;
    }
  }
  return splits;
}

Json arm_splits(const Arm& arm, const Cell* base, const Headline& headline,
                const std::string& evaluation, Intervals& intervals) {
  return by_split(headline, evaluation, [&](const Place& place) {
    const Scores scores = scores_at(arm.ready, place);
    if (scores.empty()) return Json();
    return score_json(scores, base ? scores_at({base}, place) : Scores{}, intervals);
  });
}

Json conditions_json(const Headline& headline, const auto& splits_of) {
  Json conditions = Json::object();
  for (const std::string& name : headline.conditions) {
    const Json splits = splits_of(name);
    if (!splits.empty()) conditions[name] = splits;
  }
  return conditions;
}

/// A run that never got there counts as later than all others; the median may then not exist.
Json median_of(std::vector<std::optional<double>> values) {
  std::vector<double> sorted;
  for (const auto& value : values) {
    sorted.push_back(value.value_or(std::numeric_limits<double>::infinity()));
  }
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  if (sorted.size() % 2 == 1) return json_number(sorted[middle]);
  return json_number((sorted[middle - 1] + sorted[middle]) / 2);
}

Json images_json(const Arm& arm, const std::string& curve, std::optional<double> target,
                 std::int64_t window) {
  std::vector<std::optional<double>> reached;
  for (const Cell* cell : arm.ready) {
    if (!target || logged(cell->curve, curve).empty()) return nullptr;
    reached.push_back(images_to(cell->curve, curve, window, *target));
  }
  Json by_seed = Json::array();
  for (const auto& images : reached) by_seed.push_back(images ? json_number(*images) : Json());
  return {{"by_seed", by_seed},
          {"median", median_of(reached)},
          {"censored", std::count(reached.begin(), reached.end(), std::nullopt)}};
}

}  // namespace

Json base_json(const Arms& arms, const Headline& headline) {
  if (!arms.base) return nullptr;
  const auto splits_of = [&](const std::string& evaluation) {
    return by_split(headline, evaluation, [&](const Place& place) {
      const Scores scores = scores_at({arms.base}, place);
      return scores.empty() ? Json() : base_interval(scores);
    });
  };
  return {{"splits", splits_of(kDefaultEvaluation)},
          {"conditions", conditions_json(headline, splits_of)}};
}

Json algorithm_json(const Arm& arm, const Cell* base, const Headline& headline,
                    std::optional<double> target, std::int64_t window, Intervals& intervals) {
  Json json = {{"group", arm.group}, {"seeds", Json::array()}};
  for (const Cell* cell : arm.ready) json["seeds"].push_back(cell->seed);
  json["budget"] = budget_json(arm.ready);
  const auto splits_of = [&](const std::string& evaluation) {
    return arm_splits(arm, base, headline, evaluation, intervals);
  };
  const Json splits = splits_of(kDefaultEvaluation);
  // Before the fixed keys: those win should a metric have such a name.
  if (splits.contains(headline.split)) {
    for (const auto& [metric, score] : splits[headline.split].items()) {
      if (json.contains(metric)) continue;
      json[metric] = {{"mean", score["mean"]}, {"low", score["low"]}, {"high", score["high"]}};
    }
  }
  json["splits"] = splits;
  json["conditions"] = conditions_json(headline, splits_of);

  const Scores scores = scores_at(arm.ready, headline.place());
  json["interquartile_mean"] = nullptr;
  if (!scores.empty()) {
    json["interquartile_mean"] = json_interval(
        intervals.of(scores.table.size(), scores.prompts.size(), [&](const stats::Resample& part) {
          return stats::interquartile_mean(scores.table, part);
        }));
  }
  const std::string curve = curve_of(headline.metric);
  const auto over_seeds = [&](const auto& value) {
    std::vector<double> values;
    for (const Cell* cell : arm.ready) values.push_back(value(cell->curve));
    return json_interval(intervals.of_values(values));
  };
  json["area_under_curve"] =
      over_seeds([&](const Curve& logs) { return area(logs, curve, window); });
  json["images_to_target"] = images_json(arm, curve, target, window);
  json["kl_nats"] = over_seeds([](const Curve& logs) { return last_values(logs, "kl/nats"); });
  json["watch_gap"] = over_seeds([](const Curve& logs) { return last_values(logs, "watch/gap"); });
  json["clip_fraction"] =
      over_seeds([](const Curve& logs) { return last_values(logs, "policy/clip_fraction"); });
  json["alarms"] = alarms(arm.ready);
  return json;
}

}  // namespace loopline::report::summary
