#include "scores_by_prompt.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "loopline/io/image.h"
#include "loopline/stats/moments.h"
#include "loopline/tensor/pictures.h"

namespace loopline::experiment {
report::SplitScores scores_by_prompt(const train::Split& split, const train::SplitValues& values) {
  report::SplitScores scores{split.name, {}, {}};
  for (const io::Prompt& prompt : split.prompts) scores.prompts.push_back(prompt.text);
  for (const auto& [name, metric] : values) {
    std::vector<stats::Moments> by_prompt(split.prompts.size());
    for (std::size_t i = 0; i < metric.value.size(); ++i) {
      if (std::isnan(metric.value[i])) continue;
      by_prompt[static_cast<std::size_t>(metric.prompt[i])].add(metric.value[i]);
    }
    for (const stats::Moments& prompt : by_prompt) {
      scores.metrics[name].push_back(prompt.count() > 0 ? prompt.mean()
                                                        : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return scores;
}

bool WorstImages::worse(const Entry& a, const Entry& b) {
  return std::tie(a.judge, a.reward) < std::tie(b.judge, b.reward);
}

void WorstImages::see(const std::string& split, const at::Tensor& images,
                      const std::vector<io::Prompt>& prompts, const train::Verdict& verdict) {
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    if (!verdict.reward.valid[i]) continue;
    Entry entry{0, verdict.reward.total[i], {split, prompts[i].text, {}, {}}};
    if (!verdict.judges.empty()) entry.judge = verdict.judges.front().second[i];
    if (std::isnan(entry.judge)) continue;
    if (entries_.size() == count_ && !worse(entry, entries_.back())) continue;
    entry.failure.scores["reward"] = entry.reward;
    for (const auto& [name, values] : verdict.judges) entry.failure.scores[name] = values[i];
    const auto image = images.narrow(0, static_cast<std::int64_t>(i), 1);
    entry.failure.picture =
        io::encode_png(io::shrink(tensor::to_images(image).front(), report::kPictureWidth));
    entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), entry, worse),
                    std::move(entry));
    if (entries_.size() > count_) entries_.pop_back();
  }
}

std::vector<report::Failure> WorstImages::failures() const {
  std::vector<report::Failure> failures;
  for (const Entry& entry : entries_) failures.push_back(entry.failure);
  return failures;
}

}  // namespace loopline::experiment
