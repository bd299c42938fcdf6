#include "findings.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "loopline/core/text.h"
#include "report_text.h"
#include "report_view.h"

namespace loopline::report::summary {
namespace {

std::string text_of(const Json& json) { return json.get<std::string>(); }

/// Of the main group; where that has not finished yet, of all.
std::vector<ArmView> ranked_arms(const Json& report) {
  std::vector<ArmView> arms = arms_of(report, "main");
  if (arms.empty()) arms = arms_of(report, "");
  std::erase_if(arms, [](const ArmView& arm) { return !arm.score; });
  std::stable_sort(arms.begin(), arms.end(), [](const ArmView& a, const ArmView& b) {
    return (*a.score)["mean"] > (*b.score)["mean"];
  });
  return arms;
}

std::size_t seeds_of(const ArmView& arm) { return (*arm.json)["seeds"].size(); }

/// "3 seeds", "2 to 3 seeds".
std::string seeds_text(const std::vector<ArmView>& arms) {
  const auto fewer = [](const ArmView& a, const ArmView& b) { return seeds_of(a) < seeds_of(b); };
  const auto [fewest, most] = std::minmax_element(arms.begin(), arms.end(), fewer);
  const std::string last = std::to_string(seeds_of(*most));
  if (seeds_of(*fewest) != seeds_of(*most)) {
    return std::to_string(seeds_of(*fewest)) + " to " + last + " seeds";
  }
  return last + (last == "1" ? " seed" : " seeds");
}

bool overlap(const Json& a, const Json& b) {
  return a["low"].is_null() || b["low"].is_null() ||
         (a["low"] <= b["high"] && b["low"] <= a["high"]);
}

/// "" or "that of ppo", "those of ppo and grpo": whose intervals the first one's overlaps.
std::string overlapped(const std::vector<ArmView>& arms) {
  std::vector<std::string> names;
  for (std::size_t i = 1; i < arms.size(); ++i) {
    if (overlap(*arms[0].score, *arms[i].score)) names.push_back(arms[i].name);
  }
  if (names.empty()) return "";
  return (names.size() > 1 ? "those of " : "that of ") + listed(names);
}

/// Differences between two of `arms`.
std::vector<Json> pairs_among(const Json& report, const std::vector<ArmView>& arms) {
  const auto is_one = [&](const Json& name) {
    return std::any_of(arms.begin(), arms.end(),
                       [&](const ArmView& arm) { return name == arm.name; });
  };
  std::vector<Json> pairs;
  for (const Json& pair : report["differences"]) {
    if (is_one(pair["a"]) && is_one(pair["b"])) pairs.push_back(pair);
  }
  return pairs;
}

bool a_is_higher(const Json& pair) {
  return !pair["difference"]["mean"].is_null() && pair["difference"]["mean"] > 0;
}

/// Intervals of two arms overlap by what prompts have in common; a paired difference is free of it.
bool is_shown_above_all(const Json& report, const std::vector<ArmView>& arms) {
  std::size_t shown = 0;
  for (const Json& pair : pairs_among(report, arms)) {
    const Json& winner = pair[a_is_higher(pair) ? "a" : "b"];
    if (pair["verdict"] == "shown" && winner == arms.front().name) ++shown;
  }
  return shown + 1 == arms.size();
}

std::string what_was_found(const Json& report, const std::vector<ArmView>& arms) {
  const std::string metric = text_of(report["metric"]);
  const ArmView& first = arms.front();
  const std::string score = interval_text(*first.score) + " on " + text_of(report["split"]);
  const std::string highest = first.name + " has the highest " + metric + ", " + score;
  std::string text;
  if (arms.size() == 1) {
    text = first.name + " has " + metric + " " + score;
  } else if (report["best"] == first.name) {
    text = highest + ", and its interval overlaps that of no other";
  } else if (is_shown_above_all(report, arms)) {
    text = highest +
           ", above every other when paired by seed and prompt, though its interval overlaps " +
           overlapped(arms);
  } else {
    const std::string overlapping = overlapped(arms);
    text = "No algorithm stands out: " + highest + ", but " +
           ((*first.score)["low"].is_null() ? "one seed gives no interval"
            : overlapping.empty()           ? "not every difference from the others is shown"
                                            : "its interval overlaps " + overlapping);
  }
  if (const Json* base = base_score(report, metric)) {
    text += "; the model before training has " + score_text((*base)["mean"].get<double>());
    if (gain_verdict(first.score) == "not shown") text += ", and a gain over it is not shown";
  }
  if (metric == "reward") text += "; the reward is what was trained on, no judge's opinion";
  return text + ".";
}

/// "loop over ppo and grpo, ppo over grpo": the pairs with this verdict.
std::string winners_text(const std::vector<Json>& pairs, const std::string& verdict) {
  std::vector<std::string> winners;
  std::map<std::string, std::vector<std::string>> losers;
  for (const Json& pair : pairs) {
    if (pair["verdict"] != verdict) continue;
    const std::string winner = text_of(pair[a_is_higher(pair) ? "a" : "b"]);
    if (!losers.contains(winner)) winners.push_back(winner);
    losers[winner].push_back(text_of(pair[a_is_higher(pair) ? "b" : "a"]));
  }
  std::vector<std::string> parts;
  for (const std::string& winner : winners) {
    parts.push_back(winner + " over " + listed(losers[winner]));
  }
  return join(parts);
}

std::string how_sure_of_gain(const ArmView& arm) {
  const std::string verdict = gain_verdict(arm.score);
  const std::string with = "With " + seeds_text({arm});
  if (verdict.empty()) return with + " and nothing to compare with, no difference is shown.";
  if (verdict == "not shown") {
    return with + " a difference from the model before training is not shown.";
  }
  const std::string change = (*arm.score)["gain"]["mean"] > 0 ? "gain" : "loss";
  if (verdict == "shown") {
    return with + " the " + change + " is shown: bootstrap and t interval both exclude 0.";
  }
  return with + " the " + change +
         " is only suggested: the t interval over so few seeds includes 0.";
}

std::string how_sure(const Json& report, const std::vector<ArmView>& arms) {
  const bool is_single =
      std::all_of(arms.begin(), arms.end(), [](const ArmView& arm) { return seeds_of(arm) == 1; });
  if (is_single) return "One seed says nothing about other seeds, so no difference is shown.";
  if (arms.size() == 1) return how_sure_of_gain(arms.front());
  const std::vector<Json> pairs = pairs_among(report, arms);
  if (pairs.empty()) return "No two algorithms have a seed in common, so no difference is shown.";
  const std::string shown = winners_text(pairs, "shown");
  const std::string suggested = winners_text(pairs, "suggested");
  const auto others = std::count_if(
      pairs.begin(), pairs.end(), [](const Json& pair) { return pair["verdict"] == "not shown"; });
  std::vector<std::string> parts;
  if (!shown.empty()) parts.push_back("bootstrap and t interval both show " + shown);
  if (!suggested.empty()) {
    parts.push_back("the bootstrap alone, too narrow over so few seeds, suggests " + suggested);
  }
  if (parts.empty()) {
    return "With " + seeds_text(arms) +
           (pairs.size() == 1 ? " the difference"
                              : " none of the " + std::to_string(pairs.size()) + " differences") +
           (pairs.size() == 1 ? " is not shown." : " is shown.");
  }
  if (others > 0) {
    parts.push_back(std::to_string(others) + " of " + std::to_string(pairs.size()) +
                    " differences " + (others == 1 ? "is" : "are") + " not shown");
  }
  return "With " + seeds_text(arms) + ", " + join(parts, "; ") + ".";
}

/// "3,840" or "3,840 to 7,680".
template <typename Text>
std::string range_text(const std::vector<ArmView>& arms, const char* key, const Text& text) {
  std::vector<double> values;
  for (const ArmView& arm : arms) values.push_back((*arm.json)["budget"][key].get<double>());
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return text(*low) == text(*high) ? text(*low) : text(*low) + " to " + text(*high);
}

std::string diversity_text(const Json& report, const std::vector<ArmView>& arms) {
  if (!base_score(report, "diversity")) return "";
  std::vector<std::string> lost;
  for (const ArmView& arm : arms) {
    const Json* score = score_of(report, *arm.json, "diversity");
    if (gain_verdict(score) == "shown" && (*score)["gain"]["mean"] < 0) {
      lost.push_back(arm.name);
    }
  }
  if (lost.empty()) return "; no loss of diversity is shown";
  return "; a loss of diversity is shown for " + listed(lost);
}

std::string censoring_text(const Json& report, const std::vector<ArmView>& arms) {
  if (report["target"].is_null()) return "";
  std::vector<std::string> parts;
  bool is_measured = false;
  for (const ArmView& arm : arms) {
    const Json& images = (*arm.json)["images_to_target"];
    if (images.is_null()) continue;
    is_measured = true;
    const auto censored = images["censored"].get<std::size_t>();
    if (censored == 0) continue;
    parts.push_back(arm.name + " (" + std::to_string(censored) + " of " +
                    std::to_string(images["by_seed"].size()) + " runs)");
  }
  if (!is_measured) return "";
  const std::string target = level_text(report["target"].get<double>());
  if (parts.empty()) return "; every run reached " + target;
  return "; " + target + " was not reached by " + listed(parts);
}

std::string what_it_cost(const Json& report) {
  const std::vector<ArmView> arms = arms_of(report, "");
  double seconds = 0;
  std::size_t runs = 0;
  for (const ArmView& arm : arms) {
    const std::size_t seeds = (*arm.json)["seeds"].size();
    seconds += (*arm.json)["budget"]["seconds"].get<double>() * static_cast<double>(seeds);
    runs += seeds;
  }
  char hours[32];
  std::snprintf(hours, sizeof hours, seconds < 36000 ? "%.1f" : "%.0f", seconds / 3600);
  const std::string images = range_text(arms, "images", count_text);
  const std::string queries = range_text(arms, "reward_queries", count_text);
  std::string text = "A run took " + images + " images, " +
                     (images == queries ? "as many" : queries) + " reward queries and " +
                     range_text(arms, "seconds", human_duration);
  if (runs > 1) text += ", all " + std::to_string(runs) + " together " + hours + " hours";
  return text + diversity_text(report, arms) + censoring_text(report, arms) + ".";
}

}  // namespace

Json findings(const Json& report) {
  const std::vector<ArmView> arms = ranked_arms(report);
  if (arms.empty()) {
    const std::size_t running = report["running"].size();
    return {"No run has finished and been evaluated, so there is nothing to compare yet.",
            "No difference is shown.",
            running == 0 ? std::string("There is no run whose cost is known.")
                         : "The cost is known once runs finish; " + std::to_string(running) +
                               (running == 1 ? " has" : " have") + " not."};
  }
  return {what_was_found(report, arms), how_sure(report, arms), what_it_cost(report)};
}

}  // namespace loopline::report::summary
