#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "loopline/train/weights_choice.h"

namespace loopline::cli {

/// Each command lives in its own file: it declares its arguments on `app`, and when chosen calls
/// one function of the library, prints, and leaves the exit code in `exit_code`.
void add_train(CLI::App& app, int& exit_code);
void add_resume(CLI::App& app, int& exit_code);
void add_compare(CLI::App& app, int& exit_code);
void add_report(CLI::App& app, int& exit_code);
void add_evaluate(CLI::App& app, int& exit_code);
void add_sample(CLI::App& app, int& exit_code);
void add_show(CLI::App& app, int& exit_code);
void add_score(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_export(CLI::App& app, int& exit_code);
void add_bandit(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

/// The options of every command that draws images: `request` has steps, eta, guidance, threads,
/// device.
template <class Request>
void add_sampler_options(CLI::App& command, Request& request) {
  command.add_option("--steps", request.steps, "Denoising steps")->check(CLI::PositiveNumber);
  command.add_option("--eta", request.eta, "DDIM's eta; 0 is deterministic")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--guidance", request.guidance, "Guidance weight")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--threads", request.threads, "Compute threads; 0 is one a core")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--device", request.device, "For a bundle: auto, cpu, cuda");
}

/// --checkpoint and --ema of the commands that use a run's trained weights.
std::vector<CLI::Option*> add_weights_options(CLI::App& command, train::WeightsChoice& weights);

/// "Examples:" for a command's --help.
std::string examples(std::initializer_list<const char*> lines);

}  // namespace loopline::cli
