#pragma once

#include <optional>
#include <string>
#include <vector>

#include "arms.h"
#include "intervals.h"

namespace loopline::report::summary {

/// The number that an option of a cell holds; nothing when it is blank or not there.
std::optional<double> number_setting(const Cell& cell, const std::string& option);
std::string text_setting(const Cell& cell, const std::string& option);

/// [{"option", "values": {ARM: text}}] of the options in which arms differ: not the seed, the
/// length, hashes, nor what a run writes and where it computes.
Json settings_json(const Arms& arms);

/// Each key with its value, or with the list of values where cells differ.
Json versions_json(const std::vector<Cell>& cells);

}  // namespace loopline::report::summary
