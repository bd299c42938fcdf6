#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "loopline/bandit/estimate_config.h"
#include "loopline/bandit/policy.h"
#include "loopline/bandit/reward_model.h"
#include "loopline/bandit/weighted_rows.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

/// Asks a policy, and a reward model where there is one, about the rows of a block, whose
/// propensities are the row's logger's or the mixture's, as they were read.
WeightedRows weigh(const LogBlock& block, const Policy& policy, const RewardModel* model);

/// Likewise of several policies; the model is asked once.
std::vector<WeightedRows> weigh(const LogBlock& block, std::span<const Policy* const> policies,
                                const RewardModel* model);

/// Values a policy by a log, in passes over it: one to count the rows of the loggers (if rows have
/// the propensity of each, so that weights are balanced), one to learn the encoding of its features
/// (if a model needs them), one to survey it (if a model or the policy needs that), those of the
/// model, and the one that estimates. Memory does not depend on the number of rows, but for
/// clusters; the number of threads changes no bit.
///
/// {"verdict": "usable" | "doubtful" | "unusable", "reasons": [...], "rows",
///  "estimates": [{"name", "parameter", "value", "low", "high", "interval", "level",
///                 "standard_error", "baseline", "notes": [...]}],
///  "diagnostics": {...}, "loggers": [{"logger", "rows", "mean_weight", ...}],
///  "policy": {"kind", "file", "epsilon", "actions"}, "model": {"kind", "design", "folds", "l2"},
///  "log": {"files", "fingerprint", "propensities", "balanced", "rows", "skipped",
///  "skipped_messages"}}
///
/// What does not apply is left out; numbers that are not finite are null. A policy that was trained
/// on this log makes the verdict doubtful at least.
nlohmann::ordered_json estimate_log(const EstimateConfig& config, run::Progress& progress);

}  // namespace loopline::bandit
