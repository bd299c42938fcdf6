#include <cstdio>
#include <filesystem>

#include "bandit_commands.h"
#include "bandit_text.h"
#include "commands.h"
#include "loopline/bandit/page.h"
#include "loopline/bandit/simulate.h"
#include "loopline/bandit_learning/simulate_learning.h"
#include "loopline/config/config_tree.h"
#include "loopline/core/files.h"
#include "loopline/core/interrupt.h"
#include "loopline/run/progress.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

using Json = nlohmann::ordered_json;

struct SimulateArguments {
  std::string config, directory;
  std::vector<std::string> assignments;
  std::int64_t jobs = 1;
  bool json = false;
};

std::string short_number(const Json& row, const char* key) {
  if (!row.contains(key) || !row[key].is_number()) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", row[key].get<double>());
  return text;
}

std::string verdict_text(const Json& row) {
  if (!row.contains("versus_beta_ips")) return "";
  const Json& versus = row["versus_beta_ips"];
  return versus["verdict"].get<std::string>() + " (" + short_number(versus, "t") + ")";
}

void print_missing(const Json& summary) {
  const auto missing = summary["missing"].get<std::int64_t>();
  if (missing > 0) std::printf("\n%lld cells are missing\n", static_cast<long long>(missing));
}

void print_estimators(const Json& summary) {
  std::printf("%11s %8s  %-21s %5s  %-9s %-21s %-9s %-9s %8s  %-14s %9s %6s\n", "temperature",
              "rows", "estimator", "seeds", "mse", "95 % interval", "bias^2", "variance",
              "coverage", "vs beta_ips (t)", "published", "ratio");
  Json before;
  for (const Json& row : summary["rows"]) {
    const bool is_new = before.is_null() || before["rows"] != row["rows"] ||
                        before["temperature"] != row["temperature"];
    if (is_new && !before.is_null()) std::printf("\n");
    before = row;
    const std::string interval =
        "[" + short_number(row, "mse_low") + ", " + short_number(row, "mse_high") + "]";
    std::printf("%11s %8lld  %-21s %5lld  %-9s %-21s %-9s %-9s %8s  %-14s  %9s %6s\n",
                short_number(row, "temperature").c_str(),
                static_cast<long long>(row["rows"].get<std::int64_t>()),
                row["estimator"].get_ref<const std::string&>().c_str(),
                static_cast<long long>(row["seeds"].get<std::int64_t>()),
                short_number(row, "mse").c_str(), interval.c_str(),
                short_number(row, "bias_squared").c_str(), short_number(row, "variance").c_str(),
                short_number(row, "coverage").c_str(), verdict_text(row).c_str(),
                short_number(row, "published").c_str(), short_number(row, "ratio").c_str());
  }
  print_missing(summary);
}

/// "0.96 [0.94, 0.98]" of a mean with its interval, whose ends a single seed does not have.
std::string interval_text(const Json& interval) {
  return short_number(interval, "mean") + " [" + short_number(interval, "low") + ", " +
         short_number(interval, "high") + "]";
}

void print_learners(const Json& summary) {
  std::string before;
  for (const Json& row : summary["rows"]) {
    const std::string problem = "temperature " + short_number(row, "temperature") + ", " +
                                std::to_string(row["rows"].get<std::int64_t>()) + " rows (best " +
                                short_number(row, "best") + ", uniform " +
                                short_number(row, "uniform") + ", logging " +
                                short_number(row, "logging") + ")";
    if (problem != before) {
      std::printf("%s%s\n%-10s %5s  %-22s %-22s %-14s %9s  %-30s %9s\n", before.empty() ? "" : "\n",
                  problem.c_str(), "objective", "seeds", "value", "of its argmax",
                  "vs beta_ips (t)", "published", "gradient variance", "published");
    }
    before = problem;
    const Json published = row.value("published", Json::object());
    std::printf("%-10s %5lld  %-22s %-22s %-14s  %9s  %-30s %9s\n",
                row["objective"].get_ref<const std::string&>().c_str(),
                static_cast<long long>(row["seeds"].get<std::int64_t>()),
                interval_text(row["value"]).c_str(), interval_text(row["argmax_value"]).c_str(),
                verdict_text(row).c_str(), short_number(published, "argmax_value").c_str(),
                interval_text(row["gradient_variance"]).c_str(),
                short_number(published, "gradient_variance").c_str());
  }
  print_missing(summary);
}

using Run = bandit::SimulationOutcome (*)(const SimulateArguments& arguments,
                                          const std::filesystem::path& directory,
                                          run::Progress& progress);

bandit::SimulationOutcome run_estimators(const SimulateArguments& arguments,
                                         const std::filesystem::path& directory,
                                         run::Progress& progress) {
  return bandit::simulate(bandit::read_simulate_config(arguments.config, arguments.assignments),
                          directory, arguments.jobs, progress);
}

bandit::SimulationOutcome run_learners(const SimulateArguments& arguments,
                                       const std::filesystem::path& directory,
                                       run::Progress& progress) {
  return bandit_learning::simulate_learning(
      bandit_learning::read_learning_simulation(arguments.config, arguments.assignments), directory,
      arguments.jobs, progress);
}

/// What is simulated: the first whose section the config has, or nothing to have.
struct SimulationKind {
  const char* section;
  Run run;
  void (*print)(const Json& summary);
  std::string (*page)(const Json& summary, const std::string& command);  ///< or none
};

constexpr SimulationKind kSimulationKinds[] = {
    {bandit_learning::kLearningSection, run_learners, print_learners, nullptr},
    {nullptr, run_estimators, print_estimators, bandit::simulation_page}};

const SimulationKind& kind_of(const SimulateArguments& arguments) {
  config::ConfigTree tree = config::load_config(arguments.config);
  for (const std::string& assignment : arguments.assignments) config::apply_set(tree, assignment);
  const SimulationKind* kind = kSimulationKinds;
  while (kind->section != nullptr && tree.find(kind->section) == nullptr) ++kind;
  return *kind;
}

}  // namespace

void add_bandit_simulate(CLI::App& bandit, int& exit_code) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* command = bandit.add_subcommand(
      "simulate", "Estimators or learners against a known truth; the same command goes on");
  command
      ->add_option("config", arguments->config,
                   "YAML of the simulation (docs/bandit_simulation.md)")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--run", arguments->directory,
                   "Directory of its results (default: runs/NAME of the YAML file)")
      ->type_name("DIR");
  command->add_option("--jobs", arguments->jobs, "Cells at a time. Changes no result")
      ->check(CLI::Range(1, 1024));
  command->add_option("--set", arguments->assignments, "Override an option: --set seeds=10")
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", arguments->json, "Print summary.json instead of the table");
  command->footer(
      examples({"loopline bandit simulate configs/bandit/ope_synthetic.yaml --jobs 2",
                "loopline bandit simulate configs/bandit/ope_synthetic.yaml --run runs/short "
                "--set seeds=10 --set \"rows=[100, 1000]\"",
                "loopline bandit simulate configs/bandit/opl_synthetic.yaml --jobs 2"}));
  command->callback([arguments, &exit_code] {
    const std::filesystem::path file = arguments->config;
    const std::filesystem::path directory = arguments->directory.empty()
                                                ? std::filesystem::path("runs") / file.stem()
                                                : std::filesystem::path(arguments->directory);
    const SimulationKind& kind = kind_of(*arguments);
    const auto progress = run::terminal_progress();
    const bandit::SimulationOutcome outcome = kind.run(*arguments, directory, *progress);
    const std::filesystem::path page = directory / "report.html";
    if (kind.page != nullptr) {
      write_file_atomically(page, kind.page(outcome.summary, shown_command()));
    }
    if (arguments->json) {
      std::printf("%s\n", outcome.summary.dump(2).c_str());
    } else {
      kind.print(outcome.summary);
      if (kind.page != nullptr) print_report_page(page);
    }
    if (!outcome.interrupted) return;
    std::fprintf(stderr, "loopline: stopped; the same command goes on from here\n");
    exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
