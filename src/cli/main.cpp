#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "commands.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/log.h"
#include "loopline/core/text.h"
#include "loopline/io/torchscript_archive.h"
#include "loopline/tensor/device.h"
#include "loopline/tensor/memory.h"

namespace loopline::cli {

std::string examples(std::initializer_list<const char*> lines) {
  std::string text = "Examples:\n";
  for (const char* line : lines) text += std::string("  ") + line + "\n";
  return text;
}

std::vector<CLI::Option*> add_weights_options(CLI::App& command, train::WeightsChoice& weights) {
  return {
      command
          .add_option("--checkpoint", weights.checkpoint,
                      "Which of the run's checkpoints: latest, best (by the run's "
                      "checkpoint.best) or an iteration")
          ->capture_default_str()
          ->type_name("WHICH"),
      command.add_flag("--ema", weights.average,
                       "The moving average of the weights (ema.decay) instead of the last ones")};
}

namespace {

/// CLI11 answers a misspelt command with "a subcommand is required"; this names the nearest.
void check_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == argv[1]) {
      if (!command->get_subcommands({}).empty()) check_command(*command, argc - 1, argv + 1);
      return;
    }
    names.push_back(command->get_name());
  }
  const std::string near = nearest_name(argv[1], names);
  throw Error("", "\"" + std::string(argv[1]) + "\" is no command",
              near.empty() ? "the commands are " + join(names) : "did you mean " + near + "?");
}

int run(int argc, char** argv) {
  CLI::App app{"Loopline fine-tunes text-to-image diffusion models with reinforcement learning."};
  app.name("loopline");
  app.set_version_flag("--version",
                       "loopline " LOOPLINE_VERSION " (LibTorch " + tensor::torch_version() + ")");
  app.require_subcommand(1);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Log what happens, on standard error");
  std::vector<std::string> trusted;
  app.add_option("--trust", trusted,
                 "Let TorchScript files use NAME, which is not on the list of operators (may be "
                 "repeated; see docs/security.md)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.fallthrough();  // both may stand behind the command, too
  app.footer(examples({"loopline train configs/emoji/loop.yaml",
                       "loopline evaluate runs/loop-20260101-120000", "loopline train --help"}) +
             "Exit status: 0 success, 1 failed run, 2 wrong use, 130 or 143 stopped by a signal.");
  app.parse_complete_callback([&] {
    set_log_level(verbose ? LogLevel::kDebug : LogLevel::kWarning);
    io::trust_in_archives(trusted);
  });

  int exit_code = 0;
  add_train(app, exit_code);
  add_resume(app, exit_code);
  add_compare(app, exit_code);
  add_report(app, exit_code);
  add_evaluate(app, exit_code);
  add_sample(app, exit_code);
  add_show(app, exit_code);
  add_score(app, exit_code);
  add_inspect(app, exit_code);
  add_export(app, exit_code);
  add_bandit(app, exit_code);
  add_doctor(app, exit_code);

  install_interrupt_handlers();
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "loopline: %s; see --help\n", error.what());
    return static_cast<int>(ExitCode::kWrongUse);
  } catch (const Error& error) {
    std::fprintf(stderr, "loopline: %s\n", error.what());
    return error.exit_code() == ExitCode::kStopped ? interrupt_exit_code()
                                                   : static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    const std::string what = error.what();  // LibTorch's goes on with the functions it was in
    log_debug(what);
    if (tensor::is_out_of_memory(error)) {
      std::fprintf(stderr,
                   "loopline: out of memory; lower rollout.micro_batch or rollout.decode_batch, or "
                   "set learner.recompute: true (train --dry-run measures the peak)\n");
    } else {
      std::fprintf(stderr, "loopline: internal error: %s\n",
                   what.substr(0, what.find('\n')).c_str());
    }
    return static_cast<int>(ExitCode::kFailure);
  }
}

/// OpenMP's threads spin while they wait, unless told otherwise before the program starts; on a
/// machine that is doing anything else they then wait for each other many times longer than they
/// work. So the program starts itself again with the policy set; what a user has set stays.
void wait_passively(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  std::error_code unknown;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  execv(self.c_str(), argv);  // returns only if it fails: then the program runs as it is
}

}  // namespace
}  // namespace loopline::cli

int main(int argc, char** argv) {
  loopline::cli::wait_passively(argv);
  return loopline::cli::run(argc, argv);
}
