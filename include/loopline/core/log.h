#pragma once

#include <string>

namespace loopline {

/// The program's log, on standard error. Commands set it up; the library only warns.
enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

void set_log_level(LogLevel level);
void log_debug(const std::string& message);
void log_info(const std::string& message);
void log_warning(const std::string& message);
void log_error(const std::string& message);

}  // namespace loopline
