#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "loopline/experiment/comparison_cells.h"
#include "loopline/report/cell.h"
#include "loopline/report/summary.h"

namespace loopline::experiment {

/// The name of the record, and of its arm and group, of the model before training.
constexpr const char* kBase = "base";

/// Where a comparison keeps what belongs to it.
struct ComparisonFiles {
  std::filesystem::path directory;

  std::filesystem::path marker() const { return directory / "comparison.json"; }
  std::filesystem::path runs() const { return directory / "runs"; }
  std::filesystem::path cells() const { return directory / "cells"; }
  std::filesystem::path logs() const { return directory / "logs"; }
  std::filesystem::path run(const std::string& cell) const { return runs() / cell; }
  std::filesystem::path record(const std::string& cell) const { return cells() / (cell + ".json"); }
  std::filesystem::path log(const std::string& cell) const { return logs() / (cell + ".log"); }
};

/// What comparison.json says: {"format", "version", "subject": {"title", "metric", "split",
/// "target", "window", "tuning"}, "cells": [{"cell", "arm", "group"}]}.
struct Marker {
  report::Subject subject{};
  std::vector<CellPlan> cells{};  ///< names, arms and groups alone
};
bool has_marker(const ComparisonFiles& files);
void write_marker(const ComparisonFiles& files, const Marker& marker);
Marker read_marker(const ComparisonFiles& files);

/// The record of a cell; nothing when it has none. A damaged one is an Error.
std::optional<report::Cell> read_record(const ComparisonFiles& files, const std::string& cell);
void write_record(const ComparisonFiles& files, const report::Cell& cell);

/// The records of the base and of the cells, and of those that have none what their runs have
/// logged so far.
std::vector<report::Cell> gather(const std::vector<CellPlan>& cells, const ComparisonFiles& files);

}  // namespace loopline::experiment
