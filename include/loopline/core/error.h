#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace loopline {

/// What a failed command exits with.
enum class ExitCode : int {
  kFailure = 1,    ///< the run failed: full disk, unreadable file, non-finite reward
  kWrongUse = 2,   ///< the user asked for something wrong: a bad key, a bad bundle, a bad flag
  kStopped = 130,  ///< a signal asked for it (see interrupt_exit_code)
};

/// The one exception that a user is meant to read: where it happened, what is wrong, what to do.
///
/// `what()` is a single line, "WHERE: WHAT; TODO" (empty parts left out, each cut after 1000 bytes,
/// control characters become spaces: parts may quote files of strangers). Everything a user can
/// cause or repair is reported this way; broken invariants use LOOPLINE_CHECK instead.
class Error : public std::runtime_error {
 public:
  Error(std::string where, std::string what, std::string todo = "",
        ExitCode exit_code = ExitCode::kWrongUse)
      : std::runtime_error(line(where, what, todo)), exit_code_(exit_code) {}

  ExitCode exit_code() const { return exit_code_; }

 private:
  static std::string line(const std::string& where, const std::string& what,
                          const std::string& todo);

  ExitCode exit_code_;
};

/// An Error that the user's input did not cause (exit 1).
inline Error failure(std::string where, std::string what, std::string todo = "") {
  return {std::move(where), std::move(what), std::move(todo), ExitCode::kFailure};
}

/// What work throws that a signal has ended before it had a result.
inline Error stopped(std::string where) {
  return {std::move(where), "stopped", "", ExitCode::kStopped};
}

namespace detail {
[[noreturn]] void check_failed(const char* file, int line, const char* condition,
                               const std::string& message);
}  // namespace detail

}  // namespace loopline

/// Aborts the operation with std::logic_error when an invariant of the program itself is broken.
/// `message` may be any expression convertible to std::string.
#define LOOPLINE_CHECK(condition, message)                                         \
  do {                                                                             \
    if (!(condition)) {                                                            \
      ::loopline::detail::check_failed(__FILE__, __LINE__, #condition, (message)); \
    }                                                                              \
  } while (false)
