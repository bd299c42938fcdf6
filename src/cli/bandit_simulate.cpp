#include <cstdio>
#include <filesystem>

#include "bandit_commands.h"
#include "commands.h"
#include "loopline/bandit/simulate.h"
#include "loopline/core/interrupt.h"
#include "loopline/run/progress.h"

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

void print_summary(const Json& summary) {
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
  const auto missing = summary["missing"].get<std::int64_t>();
  if (missing > 0) std::printf("\n%lld cells are missing\n", static_cast<long long>(missing));
}

}  // namespace

void add_bandit_simulate(CLI::App& bandit, int& exit_code) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* command = bandit.add_subcommand(
      "simulate", "Estimators against a known truth; the same command goes on");
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
                "--set seeds=10 --set \"rows=[100, 1000]\""}));
  command->callback([arguments, &exit_code] {
    const std::filesystem::path file = arguments->config;
    const std::filesystem::path directory = arguments->directory.empty()
                                                ? std::filesystem::path("runs") / file.stem()
                                                : std::filesystem::path(arguments->directory);
    const bandit::SimulateConfig config =
        bandit::read_simulate_config(file, arguments->assignments);
    const auto progress = run::terminal_progress();
    const bandit::SimulationOutcome outcome =
        bandit::simulate(config, directory, arguments->jobs, *progress);
    if (arguments->json) {
      std::printf("%s\n", outcome.summary.dump(2).c_str());
    } else {
      print_summary(outcome.summary);
    }
    if (!outcome.interrupted) return;
    std::fprintf(stderr, "loopline: stopped; the same command goes on from here\n");
    exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
