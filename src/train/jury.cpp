#include "loopline/train/jury.h"

#include <cmath>
#include <limits>
#include <set>

#include "loopline/core/error.h"

namespace loopline::train {
namespace {

template <class Value>
void extend(std::vector<Value>& values, const std::vector<Value>& more) {
  values.insert(values.end(), more.begin(), more.end());
}

using Columns = std::vector<std::pair<std::string, std::vector<double>>>;

void extend(Columns& columns, const Columns& more) {
  if (columns.empty()) {
    columns = more;
    return;
  }
  LOOPLINE_CHECK(columns.size() == more.size(), "the components of a reward stay the same");
  for (std::size_t i = 0; i < columns.size(); ++i) extend(columns[i].second, more[i].second);
}

}  // namespace

void Verdict::append(const Verdict& next) {
  extend(reward.total, next.reward.total);
  extend(reward.valid, next.reward.valid);
  extend(reward.components, next.reward.components);
  extend(judges, next.judges);
  if (non_finite == 0) first_non_finite = next.first_non_finite;
  non_finite += next.non_finite;
  if (reward.terms.empty()) reward.terms.resize(next.reward.terms.size());
  for (std::size_t i = 0; i < reward.terms.size(); ++i) {
    extend(reward.terms[i], next.reward.terms[i]);
  }
}

void Verdict::set_aside(std::size_t sample, const std::string& what) {
  if (!reward.valid[sample]) return;
  reward.valid[sample] = false;
  reward.total[sample] = 0;  // NaN would come through a product with 0
  for (std::vector<double>& term : reward.terms) term[sample] = 0;
  if (non_finite++ == 0) first_non_finite = what;
}

Jury::Jury(const reward::RewardPlan& reward, const std::vector<std::string>& judges,
           at::Device device)
    : reward_(reward::make_reward_sum(reward, device)) {
  std::set<std::string> names;
  for (const std::string& judge : judges) {
    judges_.push_back(reward::make_reward(judge, device));
    for (const std::string& name : judges_.back()->component_names()) {
      if (!names.insert(name).second) {
        throw Error("judges", "two judges report a component \"" + name + "\"",
                    "rename it in one of the reward.json files");
      }
    }
  }
}

Verdict Jury::judge(const at::Tensor& images, const std::vector<io::Prompt>& prompts) {
  Verdict verdict;
  verdict.reward = reward_->score(images, prompts);
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const double total = verdict.reward.total[i];
    if (std::isfinite(total)) continue;
    verdict.set_aside(
        i, "the reward of an image of \"" + prompts[i].text + "\" is " + std::to_string(total));
  }
  for (const auto& judge : judges_) {
    reward::Scores scores = judge->score(images, prompts);
    for (auto& [name, values] : scores.components) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (!scores.valid[i]) values[i] = std::numeric_limits<double>::quiet_NaN();
      }
      verdict.judges.emplace_back(name, std::move(values));
    }
  }
  return verdict;
}

std::vector<std::string> Jury::judge_names() const {
  std::vector<std::string> names;
  for (const auto& judge : judges_) extend(names, judge->component_names());
  return names;
}

}  // namespace loopline::train
