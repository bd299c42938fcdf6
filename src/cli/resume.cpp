#include <cstdio>

#include "commands.h"
#include "loopline/bandit_learning/learning_run.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/text.h"
#include "loopline/train/config.h"
#include "loopline/train/training_run.h"
#include "report_learning.h"
#include "report_outcome.h"

namespace loopline::cli {
namespace {

struct Arguments {
  std::string run;
  std::vector<std::string> assignments;
};

bool resume_learning(const run::RunDirectory& directory, const Arguments& arguments,
                     run::Progress& progress) {
  const bandit_learning::LearningOutcome outcome =
      bandit_learning::resume_learning(directory, arguments.assignments, progress);
  report_learning(outcome, directory.path(), false);
  return outcome.interrupted;
}

bool resume_training(const run::RunDirectory& directory, const Arguments& arguments,
                     run::Progress& progress) {
  const train::TrainingOutcome outcome =
      train::resume_run(directory, arguments.assignments, progress);
  report_outcome(outcome, directory.path());
  return outcome.interrupted;
}

}  // namespace

void add_resume(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("resume", "Go on with an interrupted or finished run, bit for bit");
  command->add_option("run", arguments->run, "Run directory")->required();
  command
      ->add_option("--set", arguments->assignments,
                   "Override what may change: " + join(train::resumable_options()) +
                       "; of bandit learn: " + join(bandit_learning::resumable_options()))
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->footer(examples({"loopline resume runs/loop-20260101-120000",
                            "loopline resume runs/ppo --set iterations=80   # train longer"}));
  command->callback([arguments, &exit_code] {
    const auto directory = run::RunDirectory::open(arguments->run);
    const auto progress = run::terminal_progress();
    const bool is_interrupted = bandit_learning::is_learning_run(directory)
                                    ? resume_learning(directory, *arguments, *progress)
                                    : resume_training(directory, *arguments, *progress);
    if (is_interrupted) exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
