#pragma once

#include <cstddef>
#include <string>

#include "loopline/bandit/log_block.h"
#include "loopline/core/error.h"

namespace loopline::bandit {

/// "row 12 of the log", from 0, good rows only.
inline std::string row_name(const LogBlock& block, std::size_t row) {
  return "row " + std::to_string(block.first_row + static_cast<std::int64_t>(row)) + " of the log";
}

/// Actions to choose from in a row, of `fixed` ones where the log has no sets.
inline std::size_t choices_of_row(const LogBlock& block, std::size_t row, std::size_t fixed) {
  const ActionSets& sets = block.sets;
  return sets.offset.empty() ? fixed : sets.offset[row + 1] - sets.offset[row];
}

/// The logged action as an index below `count`; another one is an Error.
inline std::size_t checked_action(const LogBlock& block, std::size_t row, std::size_t count) {
  const auto action = static_cast<std::size_t>(block.action[row]);
  if (action < count) return action;
  throw Error(row_name(block, row), "the logged action " + std::to_string(action) +
                                        " is not among the policy's " + std::to_string(count));
}

inline void refuse_sets(const LogBlock& block, const char* kind) {
  if (block.sets.offset.empty()) return;
  throw Error(std::string("policy.kind '") + kind + "'",
              "it has a fixed set of actions, and the log has another set in every row",
              "choose the uniform policy");
}

}  // namespace loopline::bandit
