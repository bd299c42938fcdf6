#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "loopline/core/clock.h"
#include "loopline/train/jury.h"

namespace loopline::train {

class BackgroundJury::Worker {
 public:
  explicit Worker(Jury& jury) : jury_(jury), thread_([this] { run(); }) {}

  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      waiting_.clear();
      closed_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  void push(at::Tensor images, std::vector<io::Prompt> prompts) {
    {
      const std::lock_guard lock(mutex_);
      if (error_) std::rethrow_exception(error_);
      waiting_.push_back({std::move(images), std::move(prompts)});
    }
    changed_.notify_all();
  }

  Verdict finish() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_all();
    thread_.join();
    if (error_) std::rethrow_exception(error_);
    return std::move(verdict_);
  }

  double busy_seconds() const { return busy_seconds_; }

 private:
  struct Batch {
    at::Tensor images;
    std::vector<io::Prompt> prompts;
  };

  void run() {
    while (true) {
      Batch batch;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        batch = std::move(waiting_.front());
        waiting_.pop_front();
      }
      Stopwatch watch;
      try {
        verdict_.append(jury_.judge(batch.images, batch.prompts));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        error_ = std::current_exception();
        return;
      }
      busy_seconds_ += watch.lap();
    }
  }

  Jury& jury_;
  Verdict verdict_;          // the thread's until it is joined
  double busy_seconds_ = 0;  // likewise
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> waiting_;
  bool closed_ = false;
  std::exception_ptr error_;
  std::thread thread_;  // last: it uses all of the above
};

BackgroundJury::BackgroundJury(Jury& jury) : worker_(std::make_unique<Worker>(jury)) {}
BackgroundJury::~BackgroundJury() = default;

void BackgroundJury::push(at::Tensor images, std::vector<io::Prompt> prompts) {
  worker_->push(std::move(images), std::move(prompts));
}

Verdict BackgroundJury::finish() { return worker_->finish(); }

double BackgroundJury::busy_seconds() const { return worker_->busy_seconds(); }

}  // namespace loopline::train
