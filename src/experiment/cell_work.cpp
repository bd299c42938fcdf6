#include "cell_work.h"

#include <algorithm>
#include <system_error>

#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/report/run_cell.h"
#include "loopline/run/run_directory.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBasePrefix = "base-";

std::string said_last(const fs::path& log) {
  std::error_code absent;
  return fs::exists(log, absent) ? last_line(read_file(log)) : "";
}

/// The one that is wanted; nullptr when it was not made.
const report::Evaluation* find(const std::vector<report::Evaluation>& evaluations,
                               const WantedEvaluation& wanted) {
  for (const report::Evaluation& evaluation : evaluations) {
    if (is_wanted(wanted, evaluation)) return &evaluation;
  }
  return nullptr;
}

bool has_all(const std::vector<report::Evaluation>& evaluations,
             const std::vector<WantedEvaluation>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const WantedEvaluation& one) {
    return find(evaluations, one) != nullptr;
  });
}

/// Those of the model before training, under the names that they were wanted by.
std::vector<report::Evaluation> base_evaluations(const fs::path& run) {
  std::vector<report::Evaluation> evaluations;
  for (const report::SavedEvaluation& saved : report::saved_evaluations(run)) {
    if (!saved.base || !saved.base->name.starts_with(kBasePrefix)) continue;
    evaluations.push_back(*saved.base);
    evaluations.back().name.erase(0, std::string(kBasePrefix).size());
  }
  return evaluations;
}

/// What of them was wanted, in that order, with the worst images of the first one or of none.
std::vector<report::Evaluation> chosen(const std::vector<report::Evaluation>& evaluations,
                                       const std::vector<WantedEvaluation>& wanted, bool pictures) {
  std::vector<report::Evaluation> chosen;
  for (const WantedEvaluation& one : wanted) {
    const bool is_first = chosen.empty();
    chosen.push_back(*find(evaluations, one));
    if (!pictures || !is_first) chosen.back().failures.clear();
  }
  return chosen;
}

/// The program that runs now: its cells are made by the same one.
std::string this_program() { return fs::read_symlink("/proc/self/exe").string(); }

}  // namespace

CellWork::CellWork(CellPlan plan, ComparisonFiles files)
    : plan_(std::move(plan)), files_(std::move(files)) {}

bool CellWork::is_finished() const {
  const auto refuse_other = [&](const report::Cell& cell, const fs::path& place) {
    const std::string other = other_settings(plan_, cell);
    if (other.empty()) return;
    throw Error(place.string(), other,
                "remove it to make the cell again, or give another --run directory");
  };
  const bool has_run = run::RunDirectory::is_run(run());
  if (has_run) refuse_other(report::cell_of_run(run()), run());
  const auto cell = read_record(files_, plan_.name);
  if (!cell) return false;
  refuse_other(*cell, files_.record(plan_.name));
  if (plan_.with_base) {
    const auto base = read_record(files_, kBase);
    if (!base || !has_all(base->evaluations, plan_.evaluations)) return false;
  }
  // A run whose own rules ended it early is finished, too; one that was to be longer is not.
  const std::string* iterations = setting(cell->settings, "iterations");
  return has_all(cell->evaluations, plan_.evaluations) && iterations != nullptr &&
         *iterations == std::to_string(plan_.iterations);
}

Step CellWork::training_step(const report::Cell* cell) const {
  if (cell != nullptr) {
    return {"training",
            {"resume", run().string(), "--set", "iterations=" + std::to_string(plan_.iterations)}};
  }
  Step step{"training", {"train", plan_.config, "--run", run().string()}};
  for (const std::string& assignment : plan_.assignments) {
    step.arguments.insert(step.arguments.end(), {"--set", assignment});
  }
  return step;
}

std::optional<Step> CellWork::evaluation_step(const report::Cell& cell) const {
  const auto step = [&](const std::string& what, const std::string& name,
                        const WantedEvaluation& wanted) {
    Step result{"evaluating " + name, {"evaluate", run().string(), "--only", what, "--save", name}};
    result.arguments.insert(result.arguments.end(), wanted.arguments.begin(),
                            wanted.arguments.end());
    return result;
  };
  for (const WantedEvaluation& wanted : plan_.evaluations) {
    if (find(cell.evaluations, wanted) == nullptr) {
      return step("trained", wanted.result.name, wanted);
    }
  }
  if (!plan_.with_base) return std::nullopt;
  const std::vector<report::Evaluation> base = base_evaluations(run());
  for (const WantedEvaluation& wanted : plan_.evaluations) {
    if (find(base, wanted) == nullptr) {
      return step("base", kBasePrefix + wanted.result.name, wanted);
    }
  }
  return std::nullopt;
}

std::optional<Step> CellWork::next_step() const {
  if (!run::RunDirectory::is_run(run())) return training_step(nullptr);
  const report::Cell cell = report::cell_of_run(run());
  if (!cell.finished && !trained_) return training_step(&cell);
  const std::string* iterations = setting(cell.settings, "iterations");
  if (!trained_ && iterations != nullptr && *iterations != std::to_string(plan_.iterations)) {
    return training_step(&cell);  // it was to be shorter
  }
  return evaluation_step(cell);
}

void CellWork::write_records() const {
  report::Cell cell = report::cell_of_run(run());
  cell.name = plan_.name;
  cell.arm = plan_.arm;
  cell.group = plan_.group;
  cell.finished = true;
  cell.evaluations = chosen(cell.evaluations, plan_.evaluations, plan_.pictures);
  if (!plan_.pictures) cell.wall = {};
  write_record(files_, cell);
  if (!plan_.with_base) return;
  cell.name = cell.arm = cell.group = kBase;
  cell.curve = {};
  cell.wall = {};
  cell.evaluations = chosen(base_evaluations(run()), plan_.evaluations, true);
  write_record(files_, cell);
}

bool CellWork::start_next() {
  const std::optional<Step> step = next_step();
  if (!step) {
    write_records();
    step_ = {};
    return false;
  }
  if (step->arguments == step_.arguments) {
    throw failure(plan_.name, step->what + " ended without a result",
                  "see " + files_.log(plan_.name).string());
  }
  step_ = *step;
  std::vector<std::string> command{this_program()};
  command.insert(command.end(), step_.arguments.begin(), step_.arguments.end());
  process_ = Process::start(command, files_.log(plan_.name));
  return true;
}

bool CellWork::is_running() {
  if (!process_) return false;
  const std::optional<int> code = process_->poll();
  if (!code) return true;
  process_.reset();
  if (*code == 0) {
    trained_ = trained_ || step_.what == "training";
  } else if (!stopped_) {
    throw failure(plan_.name, step_.what + " failed (exit code " + std::to_string(*code) +
                                  "): " + said_last(files_.log(plan_.name)));
  }
  return false;
}

void CellWork::stop() {
  if (process_ && !stopped_) process_->stop();
  stopped_ = true;
}

std::int64_t CellWork::images() const {
  if (!run::RunDirectory::is_run(run())) return 0;
  const fs::path metrics = run::RunDirectory::open(run()).metrics();
  std::error_code absent;
  if (!fs::exists(metrics, absent)) return 0;
  const std::string text = read_file(metrics);
  const auto lines = std::count(text.begin(), text.end(), '\n');
  return std::min(plan_.images, plan_.images / plan_.iterations * static_cast<std::int64_t>(lines));
}

}  // namespace loopline::experiment
