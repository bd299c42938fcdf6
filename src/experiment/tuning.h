#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "comparison_files.h"
#include "loopline/experiment/comparison_cells.h"
#include "loopline/experiment/comparison_config.h"

namespace loopline::experiment {

/// What the search found.
struct Search {
  Tuned chosen;
  /// For the report: [{"algorithm", "option", "metric", "prompts", "seeds", "images", "values":
  /// [{"value", "score" (mean over seeds; null: failed), "runs", "chosen"}], "at_end": whether the
  /// chosen value is the first or last one tried}].
  nlohmann::ordered_json table;
};

/// Chooses for each algorithm the value with the highest mean of the metric at the end of its runs.
/// An algorithm without a finished run is an Error (exit 1).
Search choose(const ComparisonConfig& config, const std::vector<CellPlan>& cells,
              const ComparisonFiles& files);

}  // namespace loopline::experiment
