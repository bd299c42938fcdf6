#pragma once

#include <nlohmann/json.hpp>

#include "loopline/bandit/compare_config.h"
#include "loopline/run/progress.h"

namespace loopline::bandit {

/// Values several policies, and the uniform one, by a log, and their paired differences: all in the
/// one pass that estimates (estimate_log.h has the passes before it). What estimate_log says of one
/// of them alone is the same, digit for digit, but where a model sees the features of all.
///
/// {"verdict", "reasons": [...], "rows", "weights": "usable" | "doubtful" | "unusable",
///  "policies": [{"name", "kind", "file", "epsilon", "actions", "note", "verdict", "reasons",
///                "on_policy", "against_uniform"}],
///  "estimates": [{"name", "estimator", "parameter", "value", "low", "high", "interval", "level",
///                 "standard_error", "baseline", "slope", "notes": [...]}],
///  "differences": [{"name": "a - b", "policy": "a", "minus": "b", "estimator", ... as above}],
///  "diagnostics": {"a": {...}, ...}, "baseline", "judged_by", "model", "log"}
///
/// Differences are those of each policy from the baseline, and of each but the uniform one from
/// that. `weights` is the worst verdict on the weights of a policy, uniform aside.
/// `against_uniform` is "better than uniform" or "worse than uniform" where the interval of the
/// difference by the estimator `judged_by` (dr, else beta_ips, else the first one) is above or
/// below 0, "nothing learnable here" where it contains 0, and "unusable" where the weights of
/// either are. The verdict is "nothing learnable here" where that holds of every policy that can be
/// judged and no weights are unusable, otherwise `weights`.
nlohmann::ordered_json compare_log(const CompareConfig& config, run::Progress& progress);

}  // namespace loopline::bandit
