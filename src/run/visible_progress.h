#pragma once

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>

#include "loopline/run/progress.h"
#include "stage.h"

namespace loopline::run {

/// Bookkeeping shared by the two visible kinds. A derived class draws; its functions are called
/// with the lock held.
class VisibleProgress : public Progress {
 public:
  explicit VisibleProgress(ProgressOutput output) : output_(std::move(output)) {}

  void start(const std::string& stage, std::int64_t total, std::int64_t done) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_stage();
    stage_ = Stage{.name = stage,
                   .total = total,
                   .done_before = done,
                   .done = done,
                   .started = output_.seconds()};
    active_ = true;
    started();
  }

  void update(std::int64_t done, const std::string& text) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    stage_.done = done;
    stage_.text = text;
    stage_.within = 0;
    stage_.activity.clear();
    if (active_) {
      updated();
    }
  }

  void within(double fraction, const std::string& activity) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    stage_.within = std::clamp(fraction, 0.0, 1.0);
    stage_.activity = activity;
    if (active_) {
      moved();
    }
  }

  void note(const std::string& line) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    noted(line);
  }

  void finish() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    end_stage();
  }

 protected:
  virtual void started() = 0;
  virtual void updated() = 0;
  virtual void moved() = 0;
  virtual void noted(const std::string& line) = 0;
  virtual void finished() = 0;

  const Stage& stage() const { return stage_; }
  bool active() const { return active_; }
  const ProgressOutput& output() const { return output_; }

 private:
  void end_stage() {
    if (active_) {
      finished();
      active_ = false;
    }
  }

  std::mutex mutex_;
  ProgressOutput output_;
  Stage stage_;
  bool active_ = false;
};

}  // namespace loopline::run
