#include "loopline/bandit/table_policy.h"

#include <cmath>
#include <set>
#include <utility>

#include "loopline/bandit/log_reader.h"
#include "loopline/core/error.h"
#include "policy_rows.h"

namespace loopline::bandit {
namespace {

/// A table is read as a log is, with the probability in the places of reward and target: that gives
/// every check of a number its file, line and column.
LogReader table_reader(const std::filesystem::path& file, const TableColumns& columns,
                       std::optional<std::int64_t> actions,
                       const std::optional<std::string>& action_names) {
  LogConfig config;
  config.files = {file.string()};
  config.format = "csv";
  config.action = columns.action;
  config.reward.column = columns.probability;
  config.target = columns.probability;
  config.position = columns.position;
  config.actions = actions;
  config.action_names = action_names;
  config.bad_rows = "skip";  // a bad one is refused below: a table has no such option
  return LogReader(config, {}, {.needs_propensity = false, .limits = {}});
}

}  // namespace

TablePolicy::TablePolicy(const std::filesystem::path& file, const TableColumns& columns,
                         std::optional<std::int64_t> actions,
                         const std::optional<std::string>& action_names)
    : by_position_(columns.position.has_value()) {
  LogReader reader = table_reader(file, columns, actions, action_names);
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  const auto named = [&](std::int64_t position) {
    return by_position_ ? " at position " + std::to_string(position) : std::string();
  };
  while (const auto block = reader.next()) {
    for (std::size_t i = 0; i < block->size(); ++i) {
      const std::int64_t position = by_position_ ? block->position[i] : 0;
      const std::int64_t action = block->action[i];
      if (!seen.emplace(position, action).second) {
        throw Error(file.string(),
                    "action " + std::to_string(action) + named(position) + " is listed twice");
      }
      std::vector<double>& row = probability_[position];
      if (row.size() <= static_cast<std::size_t>(action)) {
        row.resize(static_cast<std::size_t>(action) + 1);
      }
      row[static_cast<std::size_t>(action)] = block->target[i];
    }
  }
  if (reader.skipped() > 0) throw Error("", reader.skipped_messages().front());
  for (auto& [position, row] : probability_) {
    row.resize(static_cast<std::size_t>(reader.actions()));
    double sum = 0;
    for (const double p : row) sum += p;
    if (std::abs(sum - 1) <= kProbabilityTolerance) continue;
    throw Error(
        file.string(),
        "the probabilities" + named(position) + " sum to " + std::to_string(sum) + ", not 1",
        by_position_ ? "" : "a table by position needs policy.position");
  }
}

const std::vector<double>& TablePolicy::at(const LogBlock& block, std::size_t row) const {
  refuse_sets(block, "table");
  if (!by_position_) return probability_.begin()->second;
  if (block.position.empty()) {
    throw Error("policy.position", "the table is by position, and the log has none",
                "name its column as log.position");
  }
  const auto found = probability_.find(block.position[row]);
  if (found != probability_.end()) return found->second;
  throw Error(row_name(block, row),
              "the table has no position " + std::to_string(block.position[row]));
}

std::int64_t TablePolicy::actions() const {
  return static_cast<std::int64_t>(probability_.begin()->second.size());
}

double TablePolicy::logged(const LogBlock& block, std::size_t row) const {
  const std::vector<double>& probability = at(block, row);
  return probability[checked_action(block, row, probability.size())];
}

void TablePolicy::fill(const LogBlock& block, std::size_t row,
                       std::vector<double>& probability) const {
  probability = at(block, row);
}

}  // namespace loopline::bandit
