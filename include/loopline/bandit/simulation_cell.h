#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "loopline/bandit/simulate_config.h"

namespace loopline::bandit {

/// What an estimator made of it. Numbers that do not exist are NaN.
struct CellEstimate {
  std::string name;
  double value = 0, low = 0, high = 0;
};

struct CellResult {
  CellKey key;
  double truth = 0;  ///< value of the target
  double effective_rows = 0, mean_weight = 0;
  std::vector<CellEstimate> estimates;

  nlohmann::ordered_json to_json() const;
  /// The other way; whatever is wrong is an Error at `where`.
  static CellResult from_json(const nlohmann::json& json, const std::string& where);
};

/// Draws a world, learns the target, draws a log and estimates: in memory of about 60 bytes a row
/// and 1024 rows of all actions. A function of its arguments; a signal ends it.
/// `data`: of a labelled world, else null.
CellResult simulate_cell(const SimulateConfig& config,
                         const std::shared_ptr<const LabelledData>& data, const CellKey& key);

}  // namespace loopline::bandit
