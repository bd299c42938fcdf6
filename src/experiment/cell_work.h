#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "comparison_files.h"
#include "loopline/core/process.h"
#include "loopline/report/cell.h"

namespace loopline::experiment {

/// One process of a cell's work.
struct Step {
  std::string what;                    ///< "train", "evaluate eta 0"
  std::vector<std::string> arguments;  ///< of loopline
};

/// Brings one cell to its record, one process after the other. Everything is on disk: what is to do
/// next is read from there, so a new one goes on where another was stopped.
class CellWork {
 public:
  CellWork(CellPlan plan, ComparisonFiles files);

  const CellPlan& plan() const { return plan_; }
  std::filesystem::path run() const { return files_.run(plan_.name); }

  /// Whether a record of what is wanted is there already. A record, or a run, of other settings is
  /// an Error that tells them.
  bool is_finished() const;

  /// Starts what is to do next; false when nothing was left and the record is written.
  bool start_next();

  /// True while its process runs. A process that failed is an Error with the last line of its log.
  bool is_running();

  /// Asks the process to stop, once.
  void stop();

  /// Images trained on so far.
  std::int64_t images() const;

  /// What its process does: "training"; empty without one.
  const std::string& activity() const { return step_.what; }

 private:
  std::optional<Step> next_step() const;
  Step training_step(const report::Cell* cell) const;
  std::optional<Step> evaluation_step(const report::Cell& cell) const;
  void write_records() const;

  CellPlan plan_;
  ComparisonFiles files_;
  Step step_;
  std::optional<Process> process_;
  bool trained_ = false;  ///< by a process of this object: what its rules ended early is finished
  bool stopped_ = false;
};

}  // namespace loopline::experiment
