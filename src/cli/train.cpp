#include <cmath>
#include <cstdio>

#include "commands.h"
#include "loopline/core/interrupt.h"
#include "loopline/experiment/dry_run.h"
#include "loopline/train/training_run.h"
#include "print_dry_run.h"
#include "report_outcome.h"
#include "run_info.h"

namespace loopline::cli {
namespace {

struct Arguments {
  std::string config;
  std::vector<std::string> assignments;
  std::string run;
  bool overfit_one_prompt = false, dry_run = false, json = false;
};

/// Sanity check of a reward and a learning rate: with one prompt the reward must rise.
void report_overfitting(const train::TrainingOutcome& outcome, const train::TrainConfig& config) {
  if (!outcome.last.is_object() || outcome.iterations < 2) return;
  const double before = outcome.first["reward/mean"].get<double>();
  const double after = outcome.last["reward/mean"].get<double>();
  const double error = std::hypot(outcome.first["reward/std"].get<double>(),
                                  outcome.last["reward/std"].get<double>()) /
                       std::sqrt(static_cast<double>(config.rollout.images));
  const bool rose = after - before > 2 * error;
  std::printf(
      "Sanity check: the reward of one prompt %s, from %.4g to %.4g (standard error %.2g)%s\n",
      rose ? "rose" : "did NOT rise", before, after, error,
      rose ? "" : ": look at the reward's sign, optimizer.lr, trainable, iterations");
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
  command->add_flag("--dry-run", arguments->dry_run,
                    "Write nothing: the plan, and time and memory measured on one micro-batch");
  command->add_flag("--json", arguments->json, "With --dry-run: print JSON");
  command->add_flag("--overfit-one-prompt", arguments->overfit_one_prompt,
                    "Sanity check: train on the first prompt alone; its reward must rise");
  command->footer(examples({"loopline train configs/emoji/loop.yaml",
                            "loopline train configs/emoji/loop.yaml --dry-run",
                            "loopline train configs/emoji/ppo.yaml --run runs/ppo --set seed=7",
                            "loopline resume runs/ppo          # after an interruption"}));
  command->callback([arguments, &exit_code] {
    std::vector<std::string> assignments = arguments->assignments;
    if (arguments->overfit_one_prompt) {
      assignments.insert(assignments.begin(), "rollout.prompt_limit=1");
    }
    const train::TrainPlan plan = train::load_train_plan(arguments->config, assignments);
    if (arguments->dry_run) {
      print_dry_run(experiment::dry_run(plan), arguments->json);
      return;
    }
    const std::filesystem::path directory = arguments->run.empty()
                                                ? default_run_directory(arguments->config)
                                                : std::filesystem::path(arguments->run);
    const auto progress = run::terminal_progress();
    const train::TrainingOutcome outcome =
        train::start_run(plan, directory, run_info("train"), *progress);
    report_outcome(outcome, directory);
    if (arguments->overfit_one_prompt) report_overfitting(outcome, plan.config);
    if (outcome.interrupted) exit_code = interrupt_exit_code();
  });
}

}  // namespace loopline::cli
