#include <algorithm>
#include <cstdio>
#include <optional>

#include "bandit_commands.h"
#include "bandit_options.h"
#include "bandit_text.h"
#include "commands.h"
#include "loopline/bandit/estimate_log.h"
#include "loopline/bandit/page.h"
#include "loopline/run/progress.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

using Json = nlohmann::ordered_json;

struct EstimateArguments : LogArguments {
  std::string report;
};

void print_estimates(const Json& estimates) {
  std::size_t width = 9;
  for (const Json& estimate : estimates) {
    width = std::max(width, estimator_text(estimate, "name").size());
  }
  const int columns = static_cast<int>(width);
  std::printf("%-*s  %s\n", columns, "estimator", value_heading(estimates.front()).c_str());
  for (const Json& estimate : estimates) {
    std::printf("%-*s  %s\n", columns, estimator_text(estimate, "name").c_str(),
                value_text(estimate).c_str());
  }
}

void print_rows(const Json& result) {
  const Json& d = result["diagnostics"];
  std::printf(
      "\n%lld rows, worth %s under the weights; mean weight %s (should be 1, standard error "
      "%s), largest %s\n",
      static_cast<long long>(result["rows"].get<std::int64_t>()),
      number_text(d["effective_rows"]).c_str(), number_text(d["mean_weight"]).c_str(),
      number_text(d["mean_weight_error"]).c_str(), number_text(d["largest_weight"]).c_str());
  std::printf("mean reward of the log, which is the logging policy's value: %s\n",
              number_text(d["mean_reward"]).c_str());
  if (result["log"].contains("balanced")) {
    std::printf(
        "weights are balanced, over the mixture of the loggers; by logger, over its own:\n");
  }
  if (result.contains("loggers")) {
    for (const Json& logger : result["loggers"]) {
      std::printf("logger %s: %s rows, mean weight %s, ips %s\n",
                  logger["logger"].get_ref<const std::string&>().c_str(),
                  number_text(logger["rows"]).c_str(), number_text(logger["mean_weight"]).c_str(),
                  number_text(logger["ips"]).c_str());
    }
  }
  if (result["policy"].contains("note")) {
    std::printf("policy: %s actions, %s\n", number_text(result["policy"]["actions"]).c_str(),
                result["policy"]["note"].get_ref<const std::string&>().c_str());
  }
  print_skipped(result["log"]);
}

void estimate(const EstimateArguments& arguments) {
  bandit::EstimateConfig config =
      bandit::read_estimate_config(arguments.config, arguments.assignments);
  if (arguments.threads) config.threads = *arguments.threads;
  std::optional<bandit::ReportFiles> report;
  if (!arguments.report.empty()) report.emplace(arguments.report, "loopline-bandit-estimate");
  const auto progress = run::terminal_progress();
  const Json result = bandit::estimate_log(config, *progress);
  if (report) {
    const std::string command = shown_command();
    report->write(bandit::estimate_page(result, command), result, command);
  }
  if (arguments.json) {
    std::printf("%s\n", result.dump(2).c_str());
    return;
  }
  print_weights(result["verdict"], result["reasons"], result["log"]);
  print_estimates(result["estimates"]);
  print_rows(result);
  if (report) print_report_page(report->page());
}

}  // namespace

void add_bandit_estimate(CLI::App& bandit) {
  auto arguments = std::make_shared<EstimateArguments>();
  CLI::App* command =
      bandit.add_subcommand("estimate", "What a policy would have earned, from another one's log");
  add_log_options(*command, *arguments, "estimate", "policy.epsilon=0.1");
  add_report_option(*command, arguments->report);
  command->footer(
      examples({"loopline bandit estimate configs/bandit/estimate.yaml",
                "loopline bandit estimate estimate.yaml --set policy.kind=uniform --json",
                "loopline bandit estimate estimate.yaml --report reports/estimate",
                "loopline bandit estimate estimate.yaml --set model.kind=ridge --set "
                "\"estimators=[dm, dr]\"",
                "loopline bandit estimate estimate.yaml --set estimators=clipped_ips --set "
                "\"clip_grid=[1, 3, 10, 30, 100]\""}));
  command->callback([arguments] { estimate(*arguments); });
}

}  // namespace loopline::cli
