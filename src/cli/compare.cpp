#include <algorithm>
#include <cstdio>
#include <thread>

#include "commands.h"
#include "loopline/core/interrupt.h"
#include "loopline/experiment/comparison.h"
#include "loopline/experiment/comparison_config.h"
#include "report_text.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

struct Arguments {
  experiment::ComparisonRequest request;
  std::string config, directory;
  std::int64_t jobs = 0;
  bool dry_run = false, json = false;
};

std::int64_t default_jobs(const Arguments& arguments) {
  const auto config = experiment::read_comparison(arguments.config, arguments.request.assignments);
  const auto cores = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  return std::max<std::int64_t>(1, cores / config.threads);
}

void print_plan(const nlohmann::ordered_json& plan, bool json) {
  if (json) {
    std::printf("%s\n", plan.dump(2).c_str());
    return;
  }
  long long images = 0, done = 0, finished = 0;
  std::printf("%-36s %-7s %10s %8s  %s\n", "cell", "stage", "iterations", "images", "so far");
  for (const auto& cell : plan["cells"]) {
    const auto so_far = cell["done"].get<long long>();
    const bool is_finished = cell["finished"].get<bool>();
    std::printf("%-36s %-7s %10lld %8lld  %s\n", cell["cell"].get<std::string>().c_str(),
                cell["stage"].get<std::string>().c_str(), cell["iterations"].get<long long>(),
                cell["images"].get<long long>(),
                is_finished  ? "finished"
                : so_far > 0 ? std::to_string(so_far).c_str()
                             : "-");
    images += cell["images"].get<long long>();
    done += so_far;
    finished += is_finished ? 1 : 0;
  }
  std::printf("%lld of %zu runs finished, %lld of %lld images, in %s\n", finished,
              plan["cells"].size(), done, images, plan["directory"].get<std::string>().c_str());
}

}  // namespace

void add_compare(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "compare", "Run algorithms x seeds at equal budgets, and report; the same command goes on");
  command->add_option("config", arguments->config, "YAML of a comparison (docs/comparing.md)")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--run", arguments->directory,
                   "Directory of the comparison (default: runs/NAME of the YAML file)")
      ->type_name("DIR");
  command
      ->add_option("--jobs", arguments->jobs,
                   "Runs at a time (default: as many as the cores carry). Changes no result")
      ->check(CLI::Range(1, 1024));
  command
      ->add_option("--set", arguments->request.assignments,
                   "Override an option of the comparison: --set images=12000")
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", arguments->dry_run,
                    "Print the runs and how far they are, and stop");
  command->add_flag("--json", arguments->json,
                    "Print report.json (or the plan) instead of the table");
  command->footer(examples({"loopline compare configs/emoji/compare.yaml",
                            "loopline compare configs/emoji/compare.yaml --dry-run",
                            "loopline compare configs/emoji/compare.yaml --jobs 2   # goes on",
                            "loopline compare configs/emoji/compare.yaml --run runs/longer "
                            "--set images=12000"}));
  command->callback([arguments, &exit_code] {
    experiment::ComparisonRequest& request = arguments->request;
    request.config = arguments->config;
    request.directory = arguments->directory.empty()
                            ? std::filesystem::path("runs") / request.config.stem()
                            : std::filesystem::path(arguments->directory);
    request.jobs = arguments->jobs > 0 ? arguments->jobs : default_jobs(*arguments);
    request.command = shown_command();
    if (arguments->dry_run) {
      print_plan(experiment::plan_comparison(request), arguments->json);
      return;
    }
    const auto progress = run::terminal_progress();
    const experiment::ComparisonOutcome outcome = experiment::compare(request, *progress);
    print_report(outcome.report, request.directory, arguments->json);
    for (const std::string& problem : outcome.problems) {
      std::fprintf(stderr, "loopline: %s\n", problem.c_str());
    }
    if (outcome.interrupted) {
      std::fprintf(stderr, "loopline: stopped; the same command goes on from here\n");
      exit_code = interrupt_exit_code();
    } else if (!outcome.problems.empty()) {
      exit_code = 1;
    }
  });
}

}  // namespace loopline::cli
