#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/core/process.h"
#include "loopline/experiment/comparison_cells.h"
#include "loopline/report/cell.h"

namespace loopline::experiment {

/// Where a comparison keeps what belongs to it.
struct ComparisonFiles {
  std::filesystem::path directory;

  std::filesystem::path marker() const { return directory / "comparison.json"; }
  std::filesystem::path runs() const { return directory / "runs"; }
  std::filesystem::path cells() const { return directory / "cells"; }
  std::filesystem::path logs() const { return directory / "logs"; }
  std::filesystem::path record(const std::string& cell) const { return cells() / (cell + ".json"); }
};

/// The name of the record, and of its arm and group, of the model before training.
constexpr const char* kBase = "base";

/// The record of a cell; nothing when it has none. A damaged one is an Error.
std::optional<report::Cell> read_record(const ComparisonFiles& files, const std::string& cell);
void write_record(const ComparisonFiles& files, const report::Cell& cell);

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
  std::filesystem::path run() const { return files_.runs() / plan_.name; }

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
