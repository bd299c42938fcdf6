#include "loopline/bandit/simulate.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

#include "loopline/bandit/simulation_cell.h"
#include "loopline/bandit/simulation_summary.h"
#include "loopline/config/config_tree.h"
#include "loopline/config/read_options.h"
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

config::Describe described(SimulateConfig& config) {
  return [&config](config::OptionVisitor& v) { config.describe(v); };
}

/// Where the cells of a simulation are kept.
class CellFiles {
 public:
  /// Makes the directory, or checks that its cells have these settings.
  CellFiles(const fs::path& directory, SimulateConfig config) : directory_(directory) {
    const fs::path marker = directory / "simulation.yaml";
    if (is_present(marker)) {
      refuse_others(marker, config);
    } else if (std::error_code absent; is_present(directory) && !fs::is_empty(directory, absent)) {
      throw Error(directory.string(), "is not empty, and holds no simulation",
                  "give another directory with --run DIR");
    }
    make_directories(directory / "cells");
    if (!is_present(marker)) {
      write_file_atomically(marker, config::write_options(described(config)));
    }
  }

  std::optional<CellResult> read(const CellKey& key) const {
    const fs::path file = file_of(key);
    if (!is_present(file)) return std::nullopt;
    const std::string where = file.string();
    return CellResult::from_json(io::parse_json(read_file(file, kMostCellBytes), where), where);
  }
  void write(const CellResult& cell) const {
    write_file_atomically(file_of(cell.key), cell.to_json().dump() + "\n");
  }

 private:
  static void refuse_others(const fs::path& marker, SimulateConfig& wanted) {
    SimulateConfig there;
    config::read_options(config::parse_yaml(read_file(marker), marker), described(there));
    std::vector<std::string> differences;
    for (const auto& option : config::compare_options(described(there), described(wanted))) {
      if (option.may_change_on_resume) continue;
      differences.push_back(option.path + " is " + option.before + " there, not " + option.after);
    }
    if (differences.empty()) return;
    throw Error(marker.parent_path().string(), join(differences, "; "),
                "give another directory with --run DIR");
  }

  fs::path file_of(const CellKey& key) const {
    return directory_ / "cells" / (key.name() + ".json");
  }

  fs::path directory_;
};

/// Short logs first, then seed by seed: a simulation that is stopped early has whole tables.
std::vector<CellKey> cells_of(const SimulateConfig& config) {
  std::vector<std::int64_t> lengths = config.rows;
  std::sort(lengths.begin(), lengths.end());
  std::vector<CellKey> keys;
  for (const std::int64_t rows : lengths) {
    for (std::int64_t seed = 0; seed < config.seeds; ++seed) {
      for (const double temperature : config.temperatures) {
        keys.push_back({temperature, rows, config.first_seed + seed});
      }
    }
  }
  return keys;
}

/// Threads that take cells in order until none is left, one fails or a signal comes.
class CellQueue {
 public:
  CellQueue(const SimulateConfig& config, std::shared_ptr<const LabelledData> data,
            const CellFiles& files, std::vector<CellKey> keys, run::Progress& progress)
      : config_(config),
        data_(std::move(data)),
        files_(files),
        keys_(std::move(keys)),
        progress_(progress) {}

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
      if (next >= keys_.size() || has_failed_ || interrupted()) return;
      try {
        files_.write(simulate_cell(config_, data_, keys_[next]));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!interrupted() && !error_) error_ = std::current_exception();
        has_failed_ = true;
        return;
      }
      const std::lock_guard lock(mutex_);
      progress_.update(++done_, keys_[next].name());
    }
  }

  const SimulateConfig& config_;
  std::shared_ptr<const LabelledData> data_;
  const CellFiles& files_;
  std::vector<CellKey> keys_;
  run::Progress& progress_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> has_failed_ = false;
  std::mutex mutex_;
  std::exception_ptr error_;
  std::int64_t done_ = 0;
};

}  // namespace

SimulationOutcome simulate(const SimulateConfig& config, const fs::path& directory,
                           std::int64_t jobs, run::Progress& progress) {
  config.check();
  std::shared_ptr<const LabelledData> data;
  if (config.world.kind == "labelled") {
    data = std::make_shared<const LabelledData>(read_labelled(
        config.world.files, *config.world.label, config.world.features, config.world.categorical));
  }
  const CellFiles files(directory, config);
  const run::RunLock lock(directory);
  const std::vector<CellKey> keys = cells_of(config);
  std::vector<CellKey> missing;
  for (const CellKey& key : keys) {
    if (!files.read(key)) missing.push_back(key);
  }
  if (!missing.empty()) {
    const auto count = static_cast<std::int64_t>(missing.size());
    progress.start(
        "simulating " + std::to_string(count) + " of " + std::to_string(keys.size()) + " cells",
        count);
    CellQueue(config, data, files, missing, progress).work(jobs);
    progress.finish();
  }
  SimulationOutcome outcome;
  outcome.interrupted = interrupted();
  std::vector<CellResult> cells;
  for (const CellKey& key : keys) {
    if (auto cell = files.read(key)) cells.push_back(*std::move(cell));
  }
  outcome.summary = summarise_simulation(config, cells);
  write_file_atomically(directory / "summary.json", outcome.summary.dump(1) + "\n");
  return outcome;
}

}  // namespace loopline::bandit
