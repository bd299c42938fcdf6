#include "loopline/core/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

namespace loopline {

namespace {

/// Standard error, unless a writer took over.
class LineSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void set_writer(std::function<void(const std::string&)> writer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    writer_ = std::move(writer);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t buffer;
    formatter_->format(message, buffer);
    std::string line(buffer.data(), buffer.size());
    if (writer_) {
      writer_(line);
    } else {
      line += '\n';
      std::fwrite(line.data(), 1, line.size(), stderr);
      std::fflush(stderr);
    }
  }
  void flush_() override {}

 private:
  std::function<void(const std::string&)> writer_;
};

struct Log {
  std::shared_ptr<LineSink> sink = std::make_shared<LineSink>();
  spdlog::logger logger{"loopline", sink};

  Log() {
    sink->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%l: %v", spdlog::pattern_time_type::local, ""));
    logger.set_level(spdlog::level::info);
  }
};

Log& the_log() {
  // Never destroyed: destructors of other statics may still warn.
  static Log& log = *new Log;
  return log;
}

/// The message is an argument, not the format: it may hold braces.
void write_log(spdlog::level::level_enum level, const std::string& message) {
  the_log().logger.log(level, spdlog::string_view_t(message.data(), message.size()));
}

}  // namespace

void set_log_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return the_log().logger.set_level(spdlog::level::debug);
    case LogLevel::kInfo:
      return the_log().logger.set_level(spdlog::level::info);
    case LogLevel::kWarning:
      return the_log().logger.set_level(spdlog::level::warn);
    case LogLevel::kError:
      return the_log().logger.set_level(spdlog::level::err);
    case LogLevel::kOff:
      return the_log().logger.set_level(spdlog::level::off);
  }
}

void set_log_writer(std::function<void(const std::string& line)> writer) {
  the_log().sink->set_writer(std::move(writer));
}

void log_debug(const std::string& message) { write_log(spdlog::level::debug, message); }
void log_info(const std::string& message) { write_log(spdlog::level::info, message); }
void log_warning(const std::string& message) { write_log(spdlog::level::warn, message); }
void log_error(const std::string& message) { write_log(spdlog::level::err, message); }

}  // namespace loopline
