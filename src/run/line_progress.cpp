#include "visible_progress.h"

namespace loopline::run {

namespace {

constexpr double kSecondsBetweenLines = 5;

class LineProgress : public VisibleProgress {
 public:
  using VisibleProgress::VisibleProgress;

  ~LineProgress() override { LineProgress::finish(); }

 private:
  void started() override {
    first_ = true;
    pending_ = false;
  }

  void updated() override {
    const bool due = output().seconds() - printed_ >= kSecondsBetweenLines;
    pending_ = true;
    if (first_ || due || stage().done >= stage().total) {
      print();
    }
  }

  void moved() override {}

  void noted(const std::string& line) override { output().write(line + "\n"); }

  void finished() override {
    if (pending_) {
      print();
    }
  }

  void print() {
    printed_ = output().seconds();
    first_ = pending_ = false;
    const std::string text = stage().text.empty() ? "" : "  " + stage().text;
    output().write(stage().name + " " + stage().count() + text + "  " + stage().time(printed_) +
                   "\n");
  }

  double printed_ = 0;
  bool first_ = true;
  bool pending_ = false;
};

}  // namespace

std::unique_ptr<Progress> line_progress(ProgressOutput output) {
  return std::make_unique<LineProgress>(std::move(output));
}

}  // namespace loopline::run
