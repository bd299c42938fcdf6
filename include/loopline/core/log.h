#pragma once

#include <functional>
#include <string>

namespace loopline {

/// The program's log, on standard error: one line a message, "warning: ...". Commands set it up;
/// the library only warns. Functions may be called from any thread.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

/// Messages below `level` are dropped; kInfo at the start.
void set_log_level(LogLevel level);

/// Hands finished lines (without line break) to `writer` instead of standard error, so that a
/// progress bar can print them above itself; an empty writer goes back to standard error.
void set_log_writer(std::function<void(const std::string& line)> writer);

void log_debug(const std::string& message);
void log_info(const std::string& message);
void log_warning(const std::string& message);
void log_error(const std::string& message);

}  // namespace loopline
