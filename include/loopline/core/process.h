#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace loopline {

/// A program that runs beside this one.
class Process {
 public:
  /// Starts `arguments` (the first is the program, found on PATH when it has no slash) with its
  /// standard input empty and both outputs appended to `log`. It sits in a process group of its
  /// own, so that Ctrl-C in a terminal reaches it by stop() alone; when this program dies, it gets
  /// SIGTERM. `environment` holds NAME=VALUE on top of this program's.
  static Process start(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                       const std::vector<std::string>& environment = {});
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();  ///< a process that still runs is killed

  /// The exit code once it has ended, 128 + N after signal N.
  std::optional<int> poll();

  /// Asks it to stop (SIGTERM), as often as called.
  void stop();

 private:
  explicit Process(int id) : id_(id) {}
  int id_ = -1;
  std::optional<int> code_;
};

/// Runs a program to its end, `input` on its standard input, and returns what it printed on
/// standard output. A program that is not there or fails is an Error (exit 1) with the last line
/// of its standard error.
std::string run_program(const std::vector<std::string>& arguments, const std::string& input);

/// What a program said last: the last line of its output that is not blank.
std::string last_line(const std::string& output);

/// Whether PATH has an executable of this name.
bool has_program(const std::string& name);

}  // namespace loopline
