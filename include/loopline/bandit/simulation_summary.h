#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "loopline/bandit/simulation_cell.h"

namespace loopline::bandit {

/// What finished cells say, a row a temperature, length and estimator, over the seeds:
///
/// {"cells", "missing", "level",
///  "rows": [{"temperature", "rows", "estimator", "seeds", "undefined", "truth",
///            "mse", "mse_low", "mse_high", "bias_squared", "variance", "coverage",
///            "versus_beta_ips": {"seeds", "difference", "t", "verdict"},
///            "published", "ratio"}]}
///
/// mse: mean of (estimate - truth)^2 with a percentile bootstrap over seeds; it is bias_squared
/// plus variance, where the bias is the mean error over seeds, worlds included. Seeds in which an
/// estimate does not exist are counted in `undefined` and left out. coverage: share of intervals
/// that hold the truth. versus_beta_ips: mean of the difference of squared errors seed by seed,
/// with t = mean / standard error; better below -2, worse above 2, tied otherwise. What does not
/// apply is left out.
nlohmann::ordered_json summarise_simulation(const SimulateConfig& config,
                                            const std::vector<CellResult>& cells);

}  // namespace loopline::bandit
