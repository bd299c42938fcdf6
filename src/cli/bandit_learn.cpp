#include <filesystem>

#include "bandit_commands.h"
#include "commands.h"
#include "loopline/bandit_learning/learning_run.h"
#include "loopline/core/interrupt.h"
#include "loopline/run/progress.h"
#include "report_learning.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

struct LearnArguments {
  std::string config, run;
  std::vector<std::string> assignments;
  bool json = false;
};

}  // namespace

void add_bandit_learn(CLI::App& bandit, int& exit_code) {
  auto arguments = std::make_shared<LearnArguments>();
  CLI::App* command =
      bandit.add_subcommand("learn", "Learn a softmax policy from another one's log");
  command->add_option("config", arguments->config, "YAML file (docs/bandit_learning.md)")
      ->required()
      ->check(CLI::ExistingFile);
  command
      ->add_option("--run", arguments->run,
                   "Run directory, new or empty (default: runs/NAME-DATE-TIME)")
      ->type_name("DIR");
  command->add_option("--set", arguments->assignments, "Override an option: --set optimizer.lr=0.1")
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--json", arguments->json, "Print the summary as JSON");
  command->footer(
      examples({"loopline bandit learn configs/bandit/learn.yaml --set log.files=my_log.csv",
                "loopline bandit learn learn.yaml --run runs/deep --set \"policy.hidden=[64, 64]\"",
                "loopline resume runs/deep     # after an interruption"}));
  command->callback([arguments, &exit_code] {
    const bandit_learning::LearnConfig config =
        bandit_learning::read_learn_config(arguments->config, arguments->assignments);
    const std::filesystem::path directory = arguments->run.empty()
                                                ? default_run_directory(arguments->config)
                                                : std::filesystem::path(arguments->run);
    const auto progress = run::terminal_progress();
    const bandit_learning::LearningOutcome outcome = bandit_learning::start_learning(
        config, directory, run_info(bandit_learning::kLearnCommand), *progress);
    report_learning(outcome, directory, arguments->json);
    if (outcome.interrupted) exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
