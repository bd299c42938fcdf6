#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "loopline/bandit_learning/learning_cell.h"

namespace loopline::bandit_learning {

/// What finished cells say, a row a temperature, length and objective, over the seeds:
///
/// {"cells", "missing", "level",
///  "rows": [{"temperature", "rows", "objective", "seeds", "best", "uniform", "logging",
///            "value": {"mean", "low", "high"}, "argmax_value": {...},
///            "gradient_variance": {...}, "gradient_variance_by_epoch": [...], "lambda": [...],
///            "versus_beta_ips": {"seeds", "difference", "t", "verdict"},
///            "published": {"value", "argmax_value", "gradient_variance"}}]}
///
/// best, uniform, logging: mean values of those policies. Intervals are over seeds, of which each
/// is another world, Student's, and infinite (null) for one; that of gradient_variance, which is
/// the last epoch's, is a percentile bootstrap.
/// lambda: BanditNet's, of each seed. versus_beta_ips: the mean difference of argmax values seed by
/// seed, with t = mean / standard error; better above 2, worse below -2, tied otherwise. What does
/// not apply is left out.
nlohmann::ordered_json summarise_learning(const LearningSimulationConfig& config,
                                          const std::vector<LearningCell>& cells);

}  // namespace loopline::bandit_learning
