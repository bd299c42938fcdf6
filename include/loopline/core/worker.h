#pragma once

#include <functional>
#include <memory>

namespace loopline {

/// Runs jobs one after the other, in their order, in a thread of its own.
class Worker {
 public:
  Worker();
  /// Waits for the job in work and forgets the others.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Takes a job. Throws what an earlier one threw; nothing runs after that one.
  void push(std::function<void()> job);

  /// Waits for all jobs; throws what one of them threw. Call it once, after the last push: what the
  /// jobs have written may be read from then on.
  void finish();

  /// Seconds that the thread has worked, after `finish`.
  double busy_seconds() const;

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace loopline
