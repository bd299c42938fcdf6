#include "bandit_commands.h"
#include "commands.h"

namespace loopline::cli {

void add_bandit(CLI::App& app, int& exit_code) {
  CLI::App* bandit =
      app.add_subcommand("bandit", "Policies judged by, and learned from, logs of other policies");
  bandit->require_subcommand(1);
  bandit->footer(examples({"loopline bandit estimate configs/bandit/estimate.yaml",
                           "loopline bandit compare configs/bandit/compare.yaml",
                           "loopline bandit learn configs/bandit/learn.yaml",
                           "loopline bandit simulate configs/bandit/ope_synthetic.yaml",
                           "loopline bandit propensity configs/bandit/propensity.yaml",
                           "loopline bandit estimate --help"}));
  add_bandit_estimate(*bandit);
  add_bandit_compare(*bandit);
  add_bandit_learn(*bandit, exit_code);
  add_bandit_propensity(*bandit);
  add_bandit_simulate(*bandit, exit_code);
}

}  // namespace loopline::cli
