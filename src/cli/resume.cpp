#include <cstdio>

#include "commands.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/text.h"
#include "loopline/train/config.h"
#include "loopline/train/training_run.h"
#include "report_outcome.h"

namespace loopline::cli {
namespace {

struct Arguments {
  std::string run;
  std::vector<std::string> assignments;
};

}  // namespace

void add_resume(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command =
      app.add_subcommand("resume", "Go on with an interrupted or finished run, bit for bit");
  command->add_option("run", arguments->run, "Run directory")->required();
  command
      ->add_option("--set", arguments->assignments,
                   "Override what may change: " + join(train::resumable_options()))
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->footer(examples({"loopline resume runs/loop-20260101-120000",
                            "loopline resume runs/ppo --set iterations=80   # train longer"}));
  command->callback([arguments, &exit_code] {
    const auto directory = run::RunDirectory::open(arguments->run);
    const auto progress = run::terminal_progress();
    const train::TrainingOutcome outcome =
        train::resume_run(directory, arguments->assignments, *progress);
    report_outcome(outcome, directory.path());
    if (outcome.interrupted) exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
