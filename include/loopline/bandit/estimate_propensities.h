#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

#include "loopline/bandit/propensity_config.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

/// Fits the policy that logged (propensity_model.h) and writes the log again, as columns with the
/// propensities of the models that have not seen the row, marked as estimated (log_columns.h). In
/// passes over the log, in memory that does not depend on its rows; the number of threads changes
/// no bit. `out` is replaced, atomically.
///
/// {"rows", "actions",
///  "held_out": {"log_loss", "frequency_log_loss", "gain", "gain_error"},
///  "propensities": {"smallest", "smallest_row", "floor", "below_floor", "near_one"},
///  "uniform_policy": {"mean_weight", "mean_weight_error", "effective_rows", "largest_weight"},
///  "calibration": {"error", "bins": [{"predictions", "predicted", "observed", "standard_error"}]},
///  "notes": [...], "model": {"kind", "folds", "l2", "passes", "slope"},
///  "log": {"files", "fingerprint", "rows", "skipped", "skipped_messages"}, "out"}
///
/// Losses are means of -ln pi_0(a | x) of the logged actions, by models that have not seen the row;
/// the gain, with its standard error, is what the context takes off that of the actions'
/// frequencies. Shares of rows count multiplicities. The bins are tenths of all pairs of a row and
/// an action.
///
/// Errors: a log that has propensities (other than all 1); another set of actions in every row; a
/// single action; those of fit_propensity_model.
nlohmann::ordered_json estimate_propensities(const PropensityConfig& config,
                                             const std::filesystem::path& out,
                                             run::Progress& progress);

}  // namespace loopline::bandit
