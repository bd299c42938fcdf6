#include "loopline/bandit/cells.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "loopline/config/config_tree.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/text.h"
#include "loopline/io/json.h"
#include "loopline/run/run_lock.h"

namespace loopline::bandit {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostCellBytes = 1 << 20;

bool is_present(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Where the cells of a simulation are kept.
class CellFiles {
 public:
  /// Makes the directory, or checks that its cells have these settings.
  CellFiles(const fs::path& directory, const Simulation& simulation) : directory_(directory) {
    const fs::path marker = directory / "simulation.yaml";
    if (is_present(marker)) {
      refuse_others(marker, simulation);
    } else if (std::error_code absent; is_present(directory) && !fs::is_empty(directory, absent)) {
      throw Error(directory.string(), "is not empty, and holds no simulation",
                  "give another directory with --run DIR");
    }
    make_directories(directory / "cells");
    if (!is_present(marker)) {
      write_file_atomically(marker, config::write_options(simulation.settings));
    }
  }

  bool has(const Cell& cell) const { return is_present(file_of(cell)); }
  FinishedCell read(const Cell& cell) const {
    const fs::path file = file_of(cell);
    return {io::parse_json(read_file(file, kMostCellBytes), file.string()), file.string()};
  }
  void write(const Cell& cell, const nlohmann::ordered_json& result) const {
    write_file_atomically(file_of(cell), result.dump() + "\n");
  }

 private:
  static void refuse_others(const fs::path& marker, const Simulation& simulation) {
    config::read_options(config::parse_yaml(read_file(marker), marker), simulation.stored);
    std::vector<std::string> differences;
    for (const auto& option : config::compare_options(simulation.stored, simulation.settings)) {
      if (option.may_change_on_resume) continue;
      differences.push_back(option.path + " is " + option.before + " there, not " + option.after);
    }
    if (differences.empty()) return;
    throw Error(marker.parent_path().string(), join(differences, "; "),
                "give another directory with --run DIR");
  }

  fs::path file_of(const Cell& cell) const { return directory_ / "cells" / (cell.name + ".json"); }

  fs::path directory_;
};

/// Threads that take cells in order until none is left, one fails or a signal comes.
class CellQueue {
 public:
  CellQueue(const CellFiles& files, std::vector<const Cell*> cells, run::Progress& progress)
      : files_(files), cells_(std::move(cells)), progress_(progress) {}

  void work(std::int64_t jobs) {
    std::vector<std::jthread> threads;
    for (std::int64_t i = 1; i < jobs; ++i) threads.emplace_back([this] { take_cells(); });
    take_cells();
    threads.clear();
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void take_cells() {
    for (;;) {
      const std::size_t next = next_.fetch_add(1);
      if (next >= cells_.size() || has_failed_ || interrupted()) return;
      try {
        files_.write(*cells_[next], cells_[next]->make());
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!interrupted() && !error_) error_ = std::current_exception();
        has_failed_ = true;
        return;
      }
      const std::lock_guard lock(mutex_);
      progress_.update(++done_, cells_[next]->name);
    }
  }

  const CellFiles& files_;
  std::vector<const Cell*> cells_;
  run::Progress& progress_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::mutex mutex_;
  std::exception_ptr error_;
  std::int64_t done_ = 0;
};

}  // namespace

SimulationOutcome run_simulation(const Simulation& simulation, const fs::path& directory,
                                 std::int64_t jobs, run::Progress& progress) {
  const CellFiles files(directory, simulation);
  const run::RunLock lock(directory);
  std::vector<const Cell*> missing;
  for (const Cell& cell : simulation.cells) {
    if (!files.has(cell)) missing.push_back(&cell);
  }
  if (!missing.empty()) {
    const auto count = static_cast<std::int64_t>(missing.size());
    progress.start("simulating " + std::to_string(count) + " of " +
                       std::to_string(simulation.cells.size()) + " cells",
                   count);
    CellQueue(files, std::move(missing), progress).work(jobs);
    progress.finish();
  }
  SimulationOutcome outcome;
  outcome.interrupted = interrupted();
  std::vector<FinishedCell> finished;
  for (const Cell& cell : simulation.cells) {
    if (files.has(cell)) finished.push_back(files.read(cell));
  }
  outcome.summary = simulation.summarise(finished);
  write_file_atomically(directory / "summary.json", outcome.summary.dump(1) + "\n");
  return outcome;
}

}  // namespace loopline::bandit
