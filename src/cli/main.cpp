#include <cstdio>

#include "commands.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/log.h"
#include "loopline/tensor/device.h"

namespace loopline::cli {

std::string examples(std::initializer_list<const char*> lines) {
  std::string text = "Examples:\n";
  for (const char* line : lines) text += std::string("  ") + line + "\n";
  return text;
}

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Loopline fine-tunes text-to-image diffusion models with reinforcement learning."};
  app.name("loopline");
  app.set_version_flag("--version",
                       "loopline " LOOPLINE_VERSION " (LibTorch " + tensor::torch_version() + ")");
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  bool verbose = false;
  app.add_flag("-v,--verbose", verbose, "Log what happens, on standard error");
  app.footer(examples({"loopline train configs/emoji/loop.yaml",
                       "loopline evaluate runs/loop-20260101-120000", "loopline train --help"}) +
             "Exit status: 0 success, 1 failed run, 2 wrong use, 130 or 143 stopped by a signal.");
  app.parse_complete_callback(
      [&] { set_log_level(verbose ? LogLevel::kDebug : LogLevel::kWarning); });

  int exit_code = 0;
  add_train(app, exit_code);
  add_resume(app, exit_code);
  add_evaluate(app, exit_code);
  add_sample(app, exit_code);
  add_inspect(app, exit_code);
  add_doctor(app, exit_code);

  install_interrupt_handlers();
  try {
    app.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    // CLI11 numbers its errors; ours is one code for wrong use.
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kWrongUse);
  } catch (const Error& error) {
    std::fprintf(stderr, "loopline: %s\n", error.what());
    return interrupted() ? interrupt_exit_code() : static_cast<int>(error.exit_code());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "loopline: internal error: %s\n", error.what());
    return static_cast<int>(ExitCode::kFailure);
  }
}

}  // namespace
}  // namespace loopline::cli

int main(int argc, char** argv) { return loopline::cli::run(argc, argv); }
