#include "loopline/experiment/report.h"

#include "commands.h"
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

}  // namespace

void add_report(CLI::App& app, int&) {
  auto arguments = std::make_shared<Arguments>();
  report::Subject& subject = arguments->request.subject;
  CLI::App* command = app.add_subcommand(
      "report", "Write report.html, report.json and report.csv of runs, finished or not");
  command
      ->add_option("runs", arguments->sources,
                   "Run directories; those that differ in the seed alone share a row. Or the "
                   "directory of a comparison")
      ->required();
  command->add_option("--out", arguments->directory, "Where to write (default: into the first one)")
      ->type_name("DIR");
  command->add_option("--title", subject.title, "Heading of the page");
  command->add_option("--metric", subject.metric,
                      "Headline figure (default: the first judge's first component)");
  command->add_option("--split", subject.split, "Headline split (default: the first one)");
  command->add_option("--target", subject.target, "Level for \"images to reach it\"");
  command->add_option("--window", subject.window, "Images over which training curves are averaged")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print report.json instead of the table");
  command->footer(
      examples({"loopline report runs/loop-20260101-120000",
                "loopline report runs/ppo-* runs/loop-* --out report",
                "loopline evaluate runs/ppo-16 --save default   # scores for the page"}));
  command->callback([arguments] {
    experiment::ReportRequest& request = arguments->request;
    request.sources.assign(arguments->sources.begin(), arguments->sources.end());
    request.directory = arguments->directory.empty() ? request.sources.front()
                                                     : std::filesystem::path(arguments->directory);
    if (request.subject.title.empty()) {
      request.subject.title = std::filesystem::weakly_canonical(request.sources.front()).filename();
    }
    request.subject.command = shown_command();
    print_report(experiment::report(request), request.directory, arguments->json);
  });
}

}  // namespace loopline::cli
