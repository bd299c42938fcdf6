#include "arms.h"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

namespace loopline::report::summary {
namespace {

template <typename Named>
const Named* find_named(const std::vector<Named>& list, const std::string& name) {
  for (const Named& each : list) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

// Two prompts may share a text and differ in metadata.
std::vector<std::string> numbered(const std::vector<std::string>& prompts) {
  std::vector<std::string> keys;
  std::unordered_map<std::string, int> seen;
  for (const std::string& prompt : prompts) {
    const int count = ++seen[prompt];
    keys.push_back(count == 1 ? prompt : prompt + " #" + std::to_string(count));
  }
  return keys;
}

template <typename Value>
std::map<Value, std::size_t> positions(const std::vector<Value>& values) {
  std::map<Value, std::size_t> index;
  for (std::size_t i = 0; i < values.size(); ++i) index.try_emplace(values[i], i);
  return index;
}

/// The values at `columns` keys; missing where there are none.
std::vector<double> row_of(const SplitScores& split, const std::vector<double>& values,
                           const std::vector<std::string>& columns) {
  const auto index = positions(numbered(split.prompts));
  std::vector<double> row;
  for (const std::string& key : columns) {
    const auto found = index.find(key);
    const bool has_value = found != index.end() && found->second < values.size();
    row.push_back(has_value ? values[found->second] : std::numeric_limits<double>::quiet_NaN());
  }
  return row;
}

Scores selected(const Scores& scores, const std::vector<std::int64_t>& seeds,
                const std::vector<std::string>& prompts) {
  const auto rows = positions(scores.seeds);
  const auto columns = positions(scores.prompts);
  Scores part{.seeds = seeds, .prompts = prompts, .table = {}};
  for (const std::int64_t seed : seeds) {
    const std::vector<double>& from = scores.table[rows.at(seed)];
    std::vector<double>& row = part.table.emplace_back();
    for (const std::string& prompt : prompts) row.push_back(from[columns.at(prompt)]);
  }
  return part;
}

/// Each once, in the order of `a`.
template <typename Value>
std::vector<Value> in_both(const std::vector<Value>& a, const std::vector<Value>& b) {
  std::vector<Value> both;
  auto left = positions(b);
  for (const Value& value : a) {
    if (left.erase(value) > 0) both.push_back(value);
  }
  return both;
}

}  // namespace

bool is_ready(const Cell& cell) {
  const Evaluation* evaluation = find_evaluation(cell, kDefaultEvaluation);
  return cell.finished && evaluation && !evaluation->splits.empty();
}

Arms arrange(const std::vector<Cell>& cells) {
  Arms arms;
  for (const Cell& cell : cells) {
    if (cell.group == "base") {
      if (!arms.base && is_ready(cell)) arms.base = &cell;
      continue;
    }
    auto arm = std::find_if(arms.list.begin(), arms.list.end(),
                            [&](const Arm& each) { return each.name == cell.arm; });
    if (arm == arms.list.end()) {
      arm = arms.list.insert(arm, {.name = cell.arm, .group = cell.group, .runs = {}, .ready = {}});
    }
    arm->runs.push_back(&cell);
  }
  for (Arm& arm : arms.list) {
    std::stable_sort(arm.runs.begin(), arm.runs.end(),
                     [](const Cell* a, const Cell* b) { return a->seed < b->seed; });
    for (const Cell* cell : arm.runs) {
      if (is_ready(*cell)) arm.ready.push_back(cell);
    }
  }
  return arms;
}

const Evaluation* find_evaluation(const Cell& cell, const std::string& name) {
  return find_named(cell.evaluations, name);
}

const SplitScores* find_split(const Evaluation& evaluation, const std::string& name) {
  return find_named(evaluation.splits, name);
}

Scores scores_at(const std::vector<const Cell*>& cells, const Place& place) {
  Scores scores;
  for (const Cell* cell : cells) {
    const Evaluation* evaluation = find_evaluation(*cell, place.evaluation);
    const SplitScores* split = evaluation ? find_split(*evaluation, place.split) : nullptr;
    if (!split || !split->metrics.contains(place.metric)) continue;
    if (scores.prompts.empty()) scores.prompts = numbered(split->prompts);
    scores.seeds.push_back(cell->seed);
    scores.table.push_back(row_of(*split, split->metrics.at(place.metric), scores.prompts));
  }
  return scores;
}

Pairs on_common(const Scores& a, const Scores& b) {
  const std::vector<std::int64_t> seeds = in_both(a.seeds, b.seeds);
  const std::vector<std::string> prompts = in_both(a.prompts, b.prompts);
  return {selected(a, seeds, prompts), selected(b, seeds, prompts)};
}

Scores gains(const Scores& scores, const Scores& base) {
  if (base.empty()) return {};
  const std::vector<std::string> prompts = in_both(scores.prompts, base.prompts);
  // Two runs may share a seed here, so rows are taken as they come.
  const auto from = positions(scores.prompts);
  const auto columns = positions(base.prompts);
  Scores result{.seeds = scores.seeds, .prompts = prompts, .table = {}};
  for (const std::vector<double>& row : scores.table) {
    std::vector<double>& gain = result.table.emplace_back();
    for (const std::string& prompt : prompts) {
      gain.push_back(row[from.at(prompt)] - base.table.front()[columns.at(prompt)]);
    }
  }
  return result;
}

}  // namespace loopline::report::summary
