#include "bandit_options.h"

namespace loopline::cli {

void add_log_options(CLI::App& command, LogArguments& arguments, const std::string& what,
                     const std::string& example) {
  command.add_option("config", arguments.config, "YAML of the " + what + " (docs/bandit.md)")
      ->required()
      ->check(CLI::ExistingFile);
  command.add_option("--set", arguments.assignments, "Override an option: --set " + example)
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      .add_option("--threads", arguments.threads,
                  "Blocks of rows at a time; 0 is one a core. Changes no result")
      ->check(CLI::Range(0, 1024));
  command.add_flag("--json", arguments.json, "Print JSON instead of the tables");
}

void add_report_option(CLI::App& command, std::string& directory) {
  command
      .add_option("--report", directory,
                  "Write report.html, a page of it, and report.json into this directory")
      ->type_name("DIR");
}

}  // namespace loopline::cli
