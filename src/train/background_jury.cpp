#include "loopline/core/worker.h"
#include "loopline/train/jury.h"

namespace loopline::train {

struct BackgroundJury::Work {
  Verdict verdict;
  Worker worker;  // last: its thread writes the verdict
};

BackgroundJury::BackgroundJury(Jury& jury) : jury_(jury), work_(std::make_unique<Work>()) {}
BackgroundJury::~BackgroundJury() = default;

void BackgroundJury::push(at::Tensor images, std::vector<io::Prompt> prompts) {
  work_->worker.push([this, images = std::move(images), prompts = std::move(prompts)] {
    work_->verdict.append(jury_.judge(images, prompts));
  });
}

Verdict BackgroundJury::finish() {
  work_->worker.finish();
  return std::move(work_->verdict);
}

double BackgroundJury::busy_seconds() const { return work_->worker.busy_seconds(); }

}  // namespace loopline::train
