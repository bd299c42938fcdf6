#include "loopline/train/watch.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "loopline/core/error.h"
#include "loopline/core/text.h"
#include "metric_name.h"

namespace loopline::train {
namespace {

std::string chosen_judge(const TrainConfig::Watch& options,
                         const std::vector<std::string>& judges) {
  if (!options.judge) return judges.empty() ? "" : judges.front();
  if (std::find(judges.begin(), judges.end(), *options.judge) != judges.end()) {
    return *options.judge;
  }
  const std::string near = nearest_name(*options.judge, judges);
  throw Error("config: watch.judge", "no judge has a component \"" + *options.judge + "\"",
              !near.empty()    ? "did you mean " + near + "?"
              : judges.empty() ? "name one in `judges`"
                               : "they have " + join(judges));
}

std::string format(const char* pattern, double a, double b) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, a, b);
  return text;
}

}  // namespace

Watch::Watch(const TrainConfig::Watch& options, const std::vector<std::string>& judges)
    : options_(options), judge_(chosen_judge(options, judges)) {
  limits_ = {{.metric = "watch/gap",
              .meaning = "the reward outruns judge/" + judge_,
              .value = options.max_gap},
             {.metric = "watch/diversity",
              .meaning = "images of one prompt grow alike",
              .value = options.min_diversity,
              .is_floor = true},
             {.metric = "watch/image_shift",
              .meaning = "pictures no longer look like the first iteration's",
              .value = options.max_image_shift},
             {.metric = "kl/nats",
              .meaning = "the policy is far from its reference",
              .value = options.max_kl}};
}

std::optional<double> Watch::gain(const nlohmann::json& line, const std::string& mean,
                                  const std::string& deviation) const {
  const nlohmann::json& base = first_.is_null() ? line : first_;
  const auto now = metric_value(line, mean), then = metric_value(base, mean),
             unit = metric_value(base, deviation);
  if (!now || !then || !unit || *unit <= 0) return std::nullopt;
  return (*now - *then) / *unit;
}

void Watch::measure(nlohmann::ordered_json& metrics) const {
  const nlohmann::json line = metrics;
  const auto reward = gain(line, "reward/mean", "reward/std");
  const auto judge = gain(line, "judge/" + judge_, "judge/" + judge_ + "_std");
  if (reward && judge) metrics["watch/gap"] = *reward - *judge;
  const auto diversity = metric_value(line, "image/diversity");
  const auto base = metric_value(first_.is_null() ? line : first_, "image/diversity");
  if (diversity && base && *base > 0) metrics["watch/diversity"] = *diversity / *base;
  std::optional<double> shift;
  for (const auto& [key, value] : line.items()) {  // those with a deviation: the statistics
    if (!key.starts_with("image/")) continue;
    const auto moved = gain(line, key, key + "_std");
    if (moved) shift = std::max(shift.value_or(0), std::abs(*moved));
  }
  if (shift) metrics["watch/image_shift"] = *shift;
}

void Watch::see(const nlohmann::json& line) {
  if (first_.is_null()) first_ = line;
  for (Limit& limit : limits_) {
    const auto value = metric_value(line, limit.metric);
    if (!value) continue;
    limit.latest.push_back(*value);
    if (limit.latest.size() > static_cast<std::size_t>(options_.window)) limit.latest.pop_front();
  }
}

std::vector<std::string> Watch::alarms() const {
  std::vector<std::string> alarms;
  if (options_.action == "off") return alarms;
  for (const Limit& limit : limits_) {
    const std::size_t needed = static_cast<std::size_t>(options_.window);
    if (!limit.value || limit.latest.size() < needed) continue;
    double mean = 0;
    for (const double value : limit.latest) mean += value / static_cast<double>(needed);
    if (limit.is_floor ? mean >= *limit.value : mean <= *limit.value) continue;
    alarms.push_back(
        limit.meaning + " (" + limit.metric +
        format(limit.is_floor ? " %.3g < %.3g)" : " %.3g > %.3g)", mean, *limit.value));
  }
  return alarms;
}

}  // namespace loopline::train
