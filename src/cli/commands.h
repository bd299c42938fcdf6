#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

namespace loopline::cli {

/// Each command lives in its own file: it declares its arguments on `app`, and when chosen calls
/// one function of the library, prints, and leaves the exit code in `exit_code`.
void add_train(CLI::App& app, int& exit_code);
void add_resume(CLI::App& app, int& exit_code);
void add_evaluate(CLI::App& app, int& exit_code);
void add_sample(CLI::App& app, int& exit_code);
void add_inspect(CLI::App& app, int& exit_code);
void add_doctor(CLI::App& app, int& exit_code);

/// "Examples:" for a command's --help.
std::string examples(std::initializer_list<const char*> lines);

}  // namespace loopline::cli
