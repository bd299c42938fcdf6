#include "loopline/experiment/report.h"

#include <algorithm>

#include "commands.h"
#include "loopline/bandit_learning/learning_report.h"
#include "loopline/bandit_learning/learning_run.h"
#include "loopline/core/error.h"
#include "loopline/run/run_directory.h"
#include "report_learning.h"
#include "report_text.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

struct Arguments {
  experiment::ReportRequest request;
  std::vector<std::string> sources;
  std::string directory;
  bool json = false;
};

bool is_learning(const std::filesystem::path& source) {
  return run::RunDirectory::is_run(source) &&
         bandit_learning::is_learning_run(run::RunDirectory::open(source));
}

/// Runs of `loopline bandit learn` have a report of their own.
bool are_learning(const std::vector<std::filesystem::path>& sources) {
  const auto found = std::find_if(sources.begin(), sources.end(), is_learning);
  if (found == sources.end()) return false;
  const auto other = std::find_if_not(sources.begin(), sources.end(), is_learning);
  if (other == sources.end()) return true;
  throw Error(found->string(), "is a run of `bandit learn`, and " + other->string() + " is not",
              "make two reports");
}

}  // namespace

void add_report(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  experiment::ReportRequest& request = arguments->request;
  CLI::App* command = app.add_subcommand(
      "report", "Write report.html, report.json and report.csv of runs, finished or not");
  command
      ->add_option("runs", arguments->sources,
                   "Run directories; those that differ in the seed alone share a row. Or the "
                   "directory of a comparison")
      ->required();
  command->add_option("--out", arguments->directory, "Where to write (default: into the first one)")
      ->type_name("DIR");
  command->add_option(
      "--title", request.title,
      "Heading of the page (default: the comparison's, or the name of the first run)");
  command->add_option("--metric", request.metric,
                      "Headline figure (default: the first judge's first component)");
  command->add_option("--split", request.split, "Headline split (default: the first one)");
  command->add_option("--target", request.target, "Level for \"images to reach it\"");
  command
      ->add_option("--window", request.window,
                   "Images over which training curves are averaged (default: 960)")
      ->check(CLI::PositiveNumber);
  command->add_flag("--json", arguments->json, "Print report.json instead of the table");
  command->footer(
      examples({"loopline report runs/loop-20260101-120000",
                "loopline report runs/ppo-* runs/loop-* --out report",
                "loopline report runs/learn-20260101-120000     # of bandit learn",
                "loopline evaluate runs/ppo-16 --save default   # scores for the page"}));
  command->callback([arguments, &request] {
    request.sources.assign(arguments->sources.begin(), arguments->sources.end());
    request.directory = arguments->directory.empty() ? request.sources.front()
                                                     : std::filesystem::path(arguments->directory);
    request.command = shown_command();
    if (are_learning(request.sources)) {
      if (request.title || request.metric || request.split || request.target || request.window) {
        throw Error("report",
                    "a run of `bandit learn` has no --title, --metric, --split, --target "
                    "or --window",
                    "leave them out");
      }
      const auto report = bandit_learning::report_learning_runs(request.sources, request.directory,
                                                                request.command);
      print_learning_report(report, request.directory, arguments->json);
      return;
    }
    print_report(experiment::report(request), request.directory, arguments->json);
  });
}

}  // namespace loopline::cli
