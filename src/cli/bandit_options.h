#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace loopline::cli {

/// What the commands that read a log in passes are asked.
struct LogArguments {
  std::string config;
  std::vector<std::string> assignments;
  std::optional<std::int64_t> threads;
  bool json = false;
};

/// Declares them; `what` the config is of, and an `example` of --set.
void add_log_options(CLI::App& command, LogArguments& arguments, const std::string& what,
                     const std::string& example);

/// --report DIR.
void add_report_option(CLI::App& command, std::string& directory);

}  // namespace loopline::cli
