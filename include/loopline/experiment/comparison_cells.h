#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "loopline/experiment/comparison_config.h"
#include "loopline/report/cell.h"

namespace loopline::experiment {

/// One evaluation that a cell needs: what is asked of `loopline evaluate`, and what its result must
/// then be.
struct WantedEvaluation {
  std::vector<std::string> arguments;  ///< of `loopline evaluate RUN`
  report::Evaluation result;           ///< without scores
};

/// One run of a comparison.
struct CellPlan {
  std::string name, arm, group;
  std::string algorithm;
  std::string tried;  ///< the value of the searched option, of a cell of the search
  std::int64_t seed = 0;
  std::string config;                                         ///< training config
  std::vector<std::string> assignments;                       ///< over it
  std::int64_t iterations = 0, images = 0;                    ///< images of all iterations
  std::vector<std::pair<std::string, std::string>> settings;  ///< as the run will have them
  std::vector<WantedEvaluation> evaluations;
  bool pictures = false;   ///< keeps the picture wall and the worst images
  bool with_base = false;  ///< evaluates the model before training, too: the record "base"
};

/// What the search has chosen: the value of ComparisonConfig::Tuning::option by algorithm.
using Tuned = std::map<std::string, std::string>;

/// The runs of the search, in order: values x seeds of each algorithm; arm is
/// "tune/ALGORITHM/VALUE".
std::vector<CellPlan> tuning_cells(const ComparisonConfig& config);

/// The runs of the main table, seed by seed, then those at equal updates: a comparison that is
/// stopped early has whole rows of the table that matters most.
/// Checks everything that can be checked before anything runs; sets what makes budgets equal.
std::vector<CellPlan> comparison_cells(const ComparisonConfig& config, const Tuned& tuned);

/// The value of an option; nullptr when it is not there.
const std::string* setting(const std::vector<std::pair<std::string, std::string>>& settings,
                           const std::string& option);

/// Empty when `cell` is what the plan wants, else what differs in one line: "optimizer.lr is .002
/// there, not .004".
std::string other_settings(const CellPlan& plan, const report::Cell& cell);

/// Whether an evaluation is the one that is wanted.
bool is_wanted(const WantedEvaluation& wanted, const report::Evaluation& evaluation);

}  // namespace loopline::experiment
