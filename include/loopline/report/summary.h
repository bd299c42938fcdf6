#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/report/cell.h"

namespace loopline::report {

/// What a summary is about; the rest is in the cells.
struct Subject {
  std::string title{};
  std::string command{};            ///< that makes the report again; shown as it is
  std::string metric{};             ///< headline; empty: the first judge's component, or "reward"
  std::string split{};              ///< headline; empty: the first one
  std::optional<double> target{};   ///< of the headline metric, for "images to reach it"; none:
                                    ///< half the way from the base to the best main algorithm
  std::int64_t window = 960;        ///< latest images over which training curves are averaged
  nlohmann::ordered_json tuning{};  ///< as in the result, passed on
  std::vector<std::string> problems{};  ///< cells that failed or are missing, one line each
};

/// The statistics of a comparison, as report.json. The cell of group "base" is the model before
/// training. An interval is {"mean", "low", "high"}, 95 %, by a crossed bootstrap over seeds and
/// prompts (stats/bootstrap.h); with one seed there is no interval over seeds and low and high are
/// null. Numbers have six significant digits.
///
/// {"format": "loopline-report", "version": 1, "title", "command", "metric", "split", "target",
///  "versions": {KEY: value, or the list of values where cells differ}, "problems": [..],
///  "running": [names of cells that are not finished or not evaluated],
///  "seeds": [..], "splits": [names], "metrics": [names in order: headline, reward, the rest],
///  "base": {"splits": {SPLIT: {METRIC: interval (over prompts)}},
///     "conditions": {NAME: {SPLIT: {METRIC: interval}}}}, or null without that cell,
///  "algorithms": {ARM (with a cell that is finished and evaluated): {
///     "group": "main" | "updates", "seeds": [..],
///     "budget": {"images", "updates", "sample_steps", "reward_queries", "seconds"}  (means a run),
///     METRIC: interval on the headline split  (for every metric: "oracle_joint", "reward", ...),
///     "splits": {SPLIT: {METRIC: {"mean","low","high","t_low","t_high","gain": likewise}}},
///     "conditions": {NAME: {SPLIT: {METRIC: {.., "gain"}}}}   (evaluations but "default"),
///     "interquartile_mean": interval, "area_under_curve": interval,
///     "images_to_target": {"by_seed": [number or null], "median": number or null, "censored": n},
///     "kl_nats": interval, "watch_gap": interval     (means of the last five iterations),
///     "clip_fraction": interval, "alarms": text }},
///     (t_low, t_high: Student t over the means of the seeds; gain: over the base, prompt by
///      prompt, null without one; images_to_target: null without a target or without a training
///      curve of the metric)
///  "differences": [{"a", "b", "metric", "split", "seeds": n, "difference": interval (a - b),
///     "t_low", "t_high", "probability_of_improvement": interval,
///     "verdict": "shown" | "suggested" | "not shown"}]   (on the seeds and prompts of both),
///  "best": ARM or null   (only where its interval overlaps that of no other of the main group and
///     every difference to them is shown),
///  "curves": {METRIC: {"images" | "updates" | "seconds": {ARM: {"x": [..], "mean": [..],
///     "low": [..], "high": [..]}}}}   (of unfinished runs too; the band is over seeds),
///  "settings": [{"option", "values": {ARM: text}}]   (those that differ between arms),
///  "tuning": ..., "findings": ["what was found", "how sure", "what it cost"]}
///
/// Verdicts: the bootstrap counts prompts as well as seeds, but over few seeds it is too narrow. A
/// difference is shown where Student t over the seeds excludes 0 too, suggested where the bootstrap
/// alone does. They are not corrected for the number of pairs.
///
/// A metric or split of the subject that no evaluation has is an Error (exit 2).
nlohmann::ordered_json summarize(const std::vector<Cell>& cells, const Subject& subject);

/// The final table and the findings for a terminal of `columns` characters; columns of the table
/// that do not fit are left out.
std::string terminal_text(const nlohmann::ordered_json& report, int columns = 100);

/// One line an arm, split and metric: algorithm,group,condition,split,metric,mean,low,high,
/// gain_mean,gain_low,gain_high. Numbers with '.'; an absent one is empty.
std::string to_csv(const nlohmann::ordered_json& report);

}  // namespace loopline::report
