#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/run/progress.h"

namespace loopline::experiment {

/// What `loopline compare` is asked for.
struct ComparisonRequest {
  std::filesystem::path config{};
  std::vector<std::string> assignments{};
  std::filesystem::path directory{};  ///< of the comparison; new, or one to go on with
  std::int64_t jobs = 1;              ///< runs at a time
  std::string command{};              ///< as it was given; stands in the report
};

struct ComparisonOutcome {
  bool interrupted = false;           ///< nothing is lost; the same command goes on
  std::vector<std::string> problems;  ///< cells that failed, one line each
  nlohmann::ordered_json report;      ///< report/summary.h; null when nothing was finished
};

/// Runs what is missing of a comparison, each cell as `loopline train`, `resume` and `evaluate` in
/// processes of their own, and writes the report. In the directory:
///   comparison.json      marks it, and names its cells
///   runs/CELL            run directories
///   cells/CELL.json      what a finished one left (report/cell.h): enough for the report, and for
///                        going on where the runs are not
///   logs/CELL.log        what its processes said
///   report.html, report.json, report.csv, figures/
/// A cell that fails is named in `problems` and the others go on. A finished cell that was made
/// with other settings than the config's is an Error before anything runs.
ComparisonOutcome compare(const ComparisonRequest& request, run::Progress& progress);

/// What compare() would do: {"directory", "cells": [{"cell", "stage": "search" | "table",
/// "iterations", "images", "done" (images trained on so far), "finished"}]}. Makes no file. Where
/// the search is not finished, the cells of the table have the values of their configs.
nlohmann::ordered_json plan_comparison(const ComparisonRequest& request);

}  // namespace loopline::experiment
