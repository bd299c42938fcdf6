#include <cstdio>
#include <ctime>

#include "commands.h"
#include "loopline/core/interrupt.h"
#include "loopline/train/training_run.h"
#include "report_outcome.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

struct Arguments {
  std::string config;
  std::vector<std::string> assignments;
  std::string run;
};

/// runs/NAME-20260131-142233, NAME being the config file's stem.
std::filesystem::path default_run_directory(const std::string& config) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  return std::filesystem::path("runs") /
         (std::filesystem::path(config).stem().string() + "-" + stamp);
}

}  // namespace

void add_train(CLI::App& app, int& exit_code) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("train", "Start a new run from a config");
  command
      ->add_option(
          "config", arguments->config,
          "YAML file; configs/emoji/loop.yaml and base.yaml beside it explain every option")
      ->required();
  command
      ->add_option("--set", arguments->assignments, "Override an option: --set optimizer.lr=1e-3")
      ->take_all()
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command
      ->add_option("--run", arguments->run,
                   "Run directory, new or empty (default: runs/NAME-DATE-TIME)")
      ->type_name("DIR");
  command->footer(examples({"loopline train configs/emoji/loop.yaml",
                            "loopline train configs/emoji/ppo.yaml --run runs/ppo --set seed=7",
                            "loopline resume runs/ppo          # after an interruption"}));
  command->callback([arguments, &exit_code] {
    io::ModelBundle bundle;
    const train::TrainConfig config =
        train::load_train_config(arguments->config, arguments->assignments, &bundle);
    const std::filesystem::path directory = arguments->run.empty()
                                                ? default_run_directory(arguments->config)
                                                : std::filesystem::path(arguments->run);
    const auto progress = run::terminal_progress();
    const train::TrainingOutcome outcome =
        train::start_run(config, directory, run_info("train"), *progress);
    report_outcome(outcome, directory);
    if (outcome.interrupted) exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
