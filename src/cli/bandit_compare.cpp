#include <algorithm>
#include <cstdio>
#include <optional>

#include "bandit_commands.h"
#include "bandit_options.h"
#include "bandit_text.h"
#include "commands.h"
#include "loopline/bandit/compare_log.h"
#include "loopline/bandit/page.h"
#include "loopline/run/progress.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

using Json = nlohmann::ordered_json;

struct ComparePoliciesArguments : LogArguments {
  std::string report;
};

/// Estimates or differences: policies first, then estimators.
void print_by_policy(const Json& rows, const char* heading) {
  std::size_t names = std::string(heading).size();
  std::size_t estimators = 9;
  for (const Json& row : rows) {
    names = std::max(names, row["name"].get_ref<const std::string&>().size());
    estimators = std::max(estimators, estimator_text(row, "estimator").size());
  }
  const int first = static_cast<int>(names);
  const int second = static_cast<int>(estimators);
  std::printf("%-*s  %-*s  %s\n", first, heading, second, "estimator",
              value_heading(rows.front()).c_str());
  for (const Json& row : rows) {
    std::printf("%-*s  %-*s  %s\n", first, row["name"].get_ref<const std::string&>().c_str(),
                second, estimator_text(row, "estimator").c_str(), value_text(row).c_str());
  }
  std::printf("\n");
}

void print_policy(const Json& policy, const Json& diagnostics, const std::string& judged_by) {
  const std::string name = policy["name"].get<std::string>();
  std::printf(
      "%s: worth %s rows under its weights; mean weight %s (should be 1, standard error %s), "
      "largest %s\n",
      name.c_str(), number_text(diagnostics["effective_rows"]).c_str(),
      number_text(diagnostics["mean_weight"]).c_str(),
      number_text(diagnostics["mean_weight_error"]).c_str(),
      number_text(diagnostics["largest_weight"]).c_str());
  if (policy["verdict"] != "usable") {
    std::printf("  weights: %s\n", policy["verdict"].get_ref<const std::string&>().c_str());
  }
  if (policy["on_policy"].get<bool>()) {
    std::printf(
        "  this is the logging policy, all weights are 1: its value is the mean reward, %s\n",
        number_text(diagnostics["mean_reward"]).c_str());
  }
  if (policy.contains("note")) {
    std::printf("  %s actions, %s\n", number_text(policy["actions"]).c_str(),
                policy["note"].get_ref<const std::string&>().c_str());
  }
  if (!policy.contains("against_uniform")) {  // its reasons are not among those above all
    for (const Json& reason : policy["reasons"]) {
      std::printf("  - %s\n", reason.get_ref<const std::string&>().c_str());
    }
    return;
  }
  const std::string verdict = policy["against_uniform"].get<std::string>();
  if (verdict == "unusable") {
    std::printf("  against uniform: the weights carry no comparison\n");
  } else {
    std::printf("  against uniform: %s (%s)\n", verdict.c_str(), judged_by.c_str());
  }
}

void print_comparison(const Json& result) {
  print_weights(result["weights"].get<std::string>(), result["reasons"], result["log"]);
  print_by_policy(result["estimates"], "policy");
  print_by_policy(result["differences"], "difference");
  std::printf("%lld rows; mean reward of the log, which is the logging policy's value: %s\n",
              static_cast<long long>(result["rows"].get<std::int64_t>()),
              number_text(result["diagnostics"]["uniform"]["mean_reward"]).c_str());
  for (const Json& policy : result["policies"]) {
    print_policy(policy, result["diagnostics"][policy["name"].get<std::string>()],
                 result["judged_by"].get<std::string>());
  }
  if (result["verdict"] != result["weights"]) {
    std::printf("\nVerdict: %s\n", result["verdict"].get_ref<const std::string&>().c_str());
  }
  print_skipped(result["log"]);
}

void compare_policies(const ComparePoliciesArguments& arguments) {
  bandit::CompareConfig config =
      bandit::read_compare_config(arguments.config, arguments.assignments);
  if (arguments.threads) config.threads = *arguments.threads;
  std::optional<bandit::ReportFiles> report;
  if (!arguments.report.empty()) report.emplace(arguments.report, "loopline-bandit-compare");
  const auto progress = run::terminal_progress();
  const Json result = bandit::compare_log(config, *progress);
  if (report) {
    const std::string command = shown_command();
    report->write(bandit::comparison_page(result, command), result, command);
  }
  if (arguments.json) {
    std::printf("%s\n", result.dump(2).c_str());
  } else {
    print_comparison(result);
    if (report) print_report_page(report->page());
  }
}

}  // namespace

void add_bandit_compare(CLI::App& bandit) {
  auto arguments = std::make_shared<ComparePoliciesArguments>();
  CLI::App* command = bandit.add_subcommand(
      "compare", "What several policies would have earned, and by how much they differ");
  add_log_options(*command, *arguments, "comparison", "baseline=uniform");
  add_report_option(*command, arguments->report);
  command->footer(examples({"loopline bandit compare configs/bandit/compare.yaml",
                            "loopline bandit compare compare.yaml --set baseline=uniform --json",
                            "loopline bandit compare compare.yaml --report reports/compare",
                            "loopline bandit compare compare.yaml --set "
                            "\"policies.bold={kind: softmax, file: bold.safetensors}\""}));
  command->callback([arguments] { compare_policies(*arguments); });
}

}  // namespace loopline::cli
