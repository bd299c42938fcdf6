#include "loopline/experiment/report.h"

#include <algorithm>
#include <map>
#include <set>
#include <system_error>

#include "comparison_files.h"
#include "loopline/core/error.h"
#include "loopline/core/files.h"
#include "loopline/report/page.h"
#include "loopline/report/run_cell.h"
#include "loopline/run/run_directory.h"
#include "loopline/train/config.h"

namespace loopline::experiment {
namespace {

namespace fs = std::filesystem;

/// What makes runs seeds of one row: every setting of weight but the seed.
std::string identity(const report::Cell& cell) {
  static const std::vector<std::string> kOptions = train::identifying_options();
  std::string text;
  for (const std::string& option : kOptions) {
    const std::string* value = setting(cell.settings, option);
    if (option != "seed" && value != nullptr) text += option + "=" + *value + "\n";
  }
  return text;
}

/// Rows are named after their algorithms, and after their first run where two would be alike.
void name_rows(std::vector<report::Cell>& cells) {
  std::map<std::string, std::set<std::string>> identities;  // by algorithm
  std::map<std::string, std::string> first_run;             // by identity
  for (const report::Cell& cell : cells) {
    const std::string* algorithm = setting(cell.settings, "algorithm");
    identities[algorithm != nullptr ? *algorithm : ""].insert(identity(cell));
    first_run.emplace(identity(cell), cell.name);
  }
  for (report::Cell& cell : cells) {
    const std::string* algorithm = setting(cell.settings, "algorithm");
    const bool is_alone = algorithm != nullptr && identities[*algorithm].size() == 1;
    cell.arm = is_alone ? *algorithm : first_run[identity(cell)];
  }
}

/// The first of the runs whose evaluation kept the model before training.
void add_base(const std::vector<fs::path>& runs, std::vector<report::Cell>& cells) {
  for (const fs::path& run : runs) {
    report::Cell base;
    for (const report::SavedEvaluation& saved : report::saved_evaluations(run)) {
      if (saved.base) base.evaluations.push_back(*saved.base);
    }
    if (base.evaluations.empty()) continue;
    base.name = base.arm = base.group = kBase;
    base.finished = true;
    cells.push_back(std::move(base));
    return;
  }
}

void lay_over(report::Subject& subject, const ReportRequest& request) {
  subject.command = request.command;
  if (request.title) subject.title = *request.title;
  if (request.metric) subject.metric = *request.metric;
  if (request.split) subject.split = *request.split;
  if (request.target) subject.target = request.target;
  if (request.window) subject.window = *request.window;
}

}  // namespace

nlohmann::ordered_json write_report(const std::vector<report::Cell>& cells,
                                    const report::Subject& subject, const fs::path& directory) {
  const nlohmann::ordered_json summary = report::summarize(cells, subject);
  make_directories(directory);
  write_file_atomically(directory / "report.json", summary.dump(1) + "\n");
  write_file_atomically(directory / "report.csv", report::to_csv(summary));
  write_file_atomically(directory / "report.html", report::render_page(summary, cells));
  const auto figures = report::render_figures(summary);
  if (!figures.empty()) make_directories(directory / "figures");
  for (const auto& [name, document] : figures) {
    write_file_atomically(directory / "figures" / name, document);
  }
  return summary;
}

nlohmann::ordered_json report(const ReportRequest& request) {
  report::Subject subject;
  std::vector<fs::path> runs;
  std::vector<report::Cell> cells;
  for (const fs::path& source : request.sources) {
    const ComparisonFiles comparison{source};
    if (run::RunDirectory::is_run(source)) {
      runs.push_back(source);
    } else if (has_marker(comparison)) {
      const Marker marker = read_marker(comparison);
      subject = marker.subject;
      for (report::Cell& cell : gather(marker.cells, comparison)) cells.push_back(std::move(cell));
    } else {
      throw Error(source.string(),
                  "is neither a run (config.yaml, run.json) nor a comparison (comparison.json)");
    }
  }
  std::vector<report::Cell> loose;
  for (const fs::path& run : runs) loose.push_back(report::cell_of_run(run));
  name_rows(loose);
  for (report::Cell& cell : loose) cells.push_back(std::move(cell));
  add_base(runs, cells);
  if (cells.empty()) throw failure(request.sources.front().string(), "nothing to report yet");
  const fs::path directory =
      request.directory.empty() ? request.sources.front() : request.directory;
  if (subject.title.empty()) {
    subject.title = fs::weakly_canonical(request.sources.front()).filename().string();
  }
  lay_over(subject, request);
  return write_report(cells, subject, directory);
}

}  // namespace loopline::experiment
