#include "loopline/core/worker.h"

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "loopline/core/clock.h"

namespace loopline {

/// What both threads use.
struct Worker::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  bool closed = false;
  std::exception_ptr error;
  double busy_seconds = 0;  // the thread's until it is joined
  std::thread thread;

  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return closed || !waiting.empty(); });
        if (waiting.empty()) {
          return;
        }
        job = std::move(waiting.front());
        waiting.pop_front();
      }
      Stopwatch watch;
      try {
        job();
      } catch (...) {
        const std::lock_guard lock(mutex);
        error = std::current_exception();
        return;
      }
      busy_seconds += watch.lap();
    }
  }

  void close(bool forget) {
    {
      const std::lock_guard lock(mutex);
      if (forget) {
        waiting.clear();
      }
      closed = true;
    }
    changed.notify_all();
    if (thread.joinable()) {
      thread.join();
    }
  }
};

Worker::Worker() : shared_(std::make_unique<Shared>()) {
  shared_->thread = std::thread([shared = shared_.get()] { shared->work(); });
}

Worker::~Worker() { shared_->close(true); }

void Worker::push(std::function<void()> job) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->error) {
      std::rethrow_exception(shared_->error);
    }
    shared_->waiting.push_back(std::move(job));
  }
  shared_->changed.notify_all();
}

void Worker::finish() {
  shared_->close(false);
  if (shared_->error) {
    std::rethrow_exception(shared_->error);
  }
}

double Worker::busy_seconds() const { return shared_->busy_seconds; }

}  // namespace loopline
