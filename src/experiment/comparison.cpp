#include "loopline/experiment/comparison.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <system_error>
#include <thread>

#include "cell_work.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/experiment/comparison_cells.h"
#include "loopline/experiment/comparison_config.h"
#include "loopline/experiment/report.h"
#include "loopline/run/run_lock.h"
#include "tuning.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr auto kPollEvery = std::chrono::milliseconds(200);
constexpr int kPollsBetweenUpdates = 10;

/// Makes the directory of a comparison, or checks that it is one.
ComparisonFiles open_directory(const fs::path& directory) {
  ComparisonFiles files{fs::absolute(directory)};
  std::error_code absent;
  if (fs::exists(directory, absent) && !fs::is_empty(directory, absent) && !has_marker(files)) {
    throw Error(directory.string(), "is not empty, and holds no comparison",
                "give another directory with --run DIR");
  }
  for (const fs::path& folder : {files.runs(), files.cells(), files.logs()}) {
    make_directories(folder);
  }
  if (!has_marker(files)) write_marker(files, {});
  return files;
}

/// "ppo-seed-16 training 3,072 of 6,144": what runs now.
void show(const std::deque<CellWork>& cells, const std::vector<CellWork*>& running,
          run::Progress& progress) {
  std::int64_t images = 0;
  for (const CellWork& cell : cells) images += cell.images();
  std::string text;
  for (const CellWork* cell : running) {
    text += (text.empty() ? "" : ", ") + cell->plan().name + " " + cell->activity();
  }
  progress.update(images, text);
}

/// One look at a cell that runs; false when there is nothing more to do for it.
bool goes_on(CellWork& cell, std::vector<std::string>& problems, run::Progress& progress) {
  try {
    if (cell.is_running()) return true;
    if (interrupted()) return false;
    if (cell.start_next()) return true;
    progress.note(cell.plan().name + " is finished");
  } catch (const Error& error) {
    problems.push_back(error.what());
    progress.note(error.what());
  }
  return false;
}

/// Brings all cells to their records, `jobs` at a time, and returns what failed. A signal stops it
/// in an orderly way.
std::vector<std::string> work_on(const std::vector<CellPlan>& plans, const ComparisonFiles& files,
                                 std::int64_t jobs, const std::string& stage,
                                 run::Progress& progress) {
  std::deque<CellWork> cells;
  std::deque<CellWork*> waiting;
  std::int64_t total = 0, done = 0;
  for (const CellPlan& plan : plans) {
    cells.emplace_back(plan, files);
    if (cells.back().is_finished()) {
      cells.pop_back();
      continue;
    }
    waiting.push_back(&cells.back());
    total += plan.images;
    done += cells.back().images();
  }
  std::vector<std::string> problems;
  if (waiting.empty()) return problems;
  const std::string count = std::to_string(waiting.size()) + " of " + std::to_string(plans.size());
  progress.start(stage + ": " + count + " runs to do", total, done);
  std::vector<CellWork*> running;
  for (int poll = 0; !waiting.empty() || !running.empty(); ++poll) {
    if (interrupted()) {
      waiting.clear();
      for (CellWork* cell : running) cell->stop();
    }
    while (static_cast<std::int64_t>(running.size()) < jobs && !waiting.empty()) {
      running.push_back(waiting.front());
      waiting.pop_front();
    }
    std::erase_if(running, [&](CellWork* cell) { return !goes_on(*cell, problems, progress); });
    if (poll % kPollsBetweenUpdates == 0) show(cells, running, progress);
    if (!running.empty()) std::this_thread::sleep_for(kPollEvery);
  }
  show(cells, running, progress);
  progress.finish();
  return problems;
}

report::Subject subject_of(const ComparisonConfig& config, const ComparisonRequest& request) {
  report::Subject subject;
  subject.title = config.title;
  subject.command = request.command;
  subject.metric = config.headline.metric.value_or("");
  subject.split = config.headline.split.value_or("");
  subject.target = config.headline.target;
  subject.window = config.headline.window;
  return subject;
}

}  // namespace

ComparisonOutcome compare(const ComparisonRequest& request, run::Progress& progress) {
  const ComparisonConfig config = read_comparison(request.config, request.assignments);
  const std::vector<CellPlan> searched = tuning_cells(config);
  // What is wrong with the table is told before the search.
  std::vector<CellPlan> plans = comparison_cells(config, {});
  const ComparisonFiles files = open_directory(request.directory);
  const run::RunLock lock(files.directory);

  ComparisonOutcome outcome;
  outcome.problems =
      work_on(searched, files, request.jobs, "searching " + config.tune.option, progress);
  report::Subject subject = subject_of(config, request);
  if (!interrupted()) {
    if (!searched.empty()) {
      const Search search = choose(config, searched, files);
      subject.tuning = search.table;
      plans = comparison_cells(config, search.chosen);
    }
    write_marker(files, {subject, plans});
    for (std::string& problem : work_on(plans, files, request.jobs, "comparing", progress)) {
      outcome.problems.push_back(std::move(problem));
    }
  }
  outcome.interrupted = interrupted();
  subject.problems = outcome.problems;
  const std::vector<report::Cell> cells = gather(plans, files);
  if (!cells.empty()) outcome.report = write_report(cells, subject, files.directory);
  return outcome;
}

nlohmann::ordered_json plan_comparison(const ComparisonRequest& request) {
  const ComparisonConfig config = read_comparison(request.config, request.assignments);
  const ComparisonFiles files{fs::absolute(request.directory)};
  Json cells = Json::array();
  const auto add = [&](const std::vector<CellPlan>& plans, const char* stage) {
    bool all_finished = true;
    for (const CellPlan& plan : plans) {
      const CellWork work(plan, files);
      const bool finished = work.is_finished();
      cells.push_back({{"cell", plan.name},
                       {"stage", stage},
                       {"iterations", plan.iterations},
                       {"images", plan.images},
                       {"done", finished ? plan.images : work.images()},
                       {"finished", finished}});
      all_finished = all_finished && finished;
    }
    return all_finished;
  };
  const std::vector<CellPlan> searched = tuning_cells(config);
  const Tuned tuned = add(searched, "search") ? choose(config, searched, files).chosen : Tuned{};
  add(comparison_cells(config, tuned), "table");
  return {{"directory", request.directory.string()}, {"cells", std::move(cells)}};
}

}  // namespace loopline::experiment
