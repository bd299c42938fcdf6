#pragma once

#include <CLI/CLI.hpp>

namespace loopline::cli {

/// The commands under `loopline bandit`, one file each (commands.h).
void add_bandit_estimate(CLI::App& bandit);
void add_bandit_compare(CLI::App& bandit);
void add_bandit_learn(CLI::App& bandit, int& exit_code);
void add_bandit_propensity(CLI::App& bandit);
void add_bandit_simulate(CLI::App& bandit, int& exit_code);

}  // namespace loopline::cli
