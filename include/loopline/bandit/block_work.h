#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <future>
#include <optional>
#include <type_traits>
#include <utility>

#include "loopline/bandit/log_reader.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit {

/// Calls `work(block)` for what is left of a log, up to `threads` blocks at a time, and
/// `merge(result)` in this thread, in the order of the log: the number of threads changes no bit,
/// and of several failures the first one in the log is thrown. `work` is called from several
/// threads at once. A signal ends it (see core/interrupt.h).
template <class Work, class Merge>
void for_each_block(LogReader& reader, std::int64_t threads, Work work, Merge merge) {
  using Result = std::invoke_result_t<Work, const LogBlock&>;
  std::deque<std::future<Result>> running;
  const auto merge_first = [&] {
    std::future<Result> first = std::move(running.front());
    running.pop_front();
    merge(first.get());
  };
  const auto next_block = [&] {
    try {
      return reader.next();
    } catch (...) {
      const std::exception_ptr error = std::current_exception();
      while (!running.empty()) merge_first();  // an earlier block may have failed, too
      std::rethrow_exception(error);
    }
  };
  while (std::optional<LogBlock> block = next_block()) {
    if (interrupted()) throw stopped("the log");
    if (threads <= 1) {
      merge(work(*block));
      continue;
    }
    if (running.size() == static_cast<std::size_t>(threads)) merge_first();
    running.push_back(
        std::async(std::launch::async, [&work, own = *std::move(block)] { return work(own); }));
  }
  while (!running.empty()) merge_first();
}

}  // namespace loopline::bandit
