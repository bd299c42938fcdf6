#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loopline/report/cell.h"
#include "loopline/stats/bootstrap.h"

/// What the numbers of a report are made of.
namespace loopline::report::summary {

/// The runs of one row, one a seed.
struct Arm {
  std::string name, group;
  std::vector<const Cell*> runs;   ///< seeds ascending
  std::vector<const Cell*> ready;  ///< those of them that stand in the tables
};

struct Arms {
  const Cell* base = nullptr;  ///< the model before training, once it is evaluated
  std::vector<Arm> list;       ///< in the order of the cells
};

Arms arrange(const std::vector<Cell>& cells);

/// Finished and evaluated.
bool is_ready(const Cell& cell);

/// The evaluation in the run's own way of sampling.
constexpr const char* kDefaultEvaluation = "default";

/// Null: the cell has no such one.
const Evaluation* find_evaluation(const Cell& cell, const std::string& name);
const SplitScores* find_split(const Evaluation& evaluation, const std::string& name);

/// Which numbers of a cell.
struct Place {
  std::string evaluation, split, metric;
};

/// Means over the images of a prompt, one row a seed.
struct Scores {
  std::vector<std::int64_t> seeds;
  std::vector<std::string> prompts;  ///< a text that comes again is numbered
  stats::ScoreTable table;

  bool empty() const { return table.empty() || prompts.empty(); }
};

/// Of the cells that have the place; columns as in the first of them.
Scores scores_at(const std::vector<const Cell*>& cells, const Place& place);

/// a - b on the seeds and prompts of both; the noise of a prompt is the same in all cells, so it
/// falls out.
struct Pairs {
  Scores a, b;
};
Pairs on_common(const Scores& a, const Scores& b);

/// Every row of `scores` less the one row of `base`, on the prompts of both.
Scores gains(const Scores& scores, const Scores& base);

}  // namespace loopline::report::summary
