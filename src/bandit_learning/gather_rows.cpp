#include "gather_rows.h"

#include <ATen/ATen.h>

#include <optional>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"

namespace loopline::bandit_learning {
namespace {

template <class Value>
void add_to_end(std::vector<Value>& all, const std::vector<Value>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

at::Tensor doubles(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

}  // namespace

LearningRows gather_rows(bandit::LogReader reader, const bandit::RewardModel* model,
                         std::int64_t actions) {
  bandit::LogBlock all;
  std::vector<double> modelled, q;
  while (std::optional<bandit::LogBlock> block = reader.next()) {
    if (interrupted()) throw stopped("the log");
    all.features = block->features;
    add_to_end(all.action, block->action);
    add_to_end(all.reward, block->reward);
    add_to_end(all.propensity, block->propensity);
    add_to_end(all.context, block->context);
    add_to_end(all.multiplicity, block->multiplicity);
    if (model == nullptr) continue;
    const std::vector<std::size_t> fold = bandit::folds_of(*block, model->folds());
    for (std::size_t i = 0; i < block->size(); ++i) {
      model->predict(*block, i, fold[i], q);
      add_to_end(modelled, q);
    }
  }
  const auto n = static_cast<std::int64_t>(all.size());
  LearningRows rows{doubles(all.context).view({n, static_cast<std::int64_t>(all.features)}),
                    at::tensor(all.action, at::kLong), doubles(all.reward),
                    doubles(all.propensity)};
  if (!all.multiplicity.empty()) rows.count = doubles(all.multiplicity);
  if (model != nullptr) rows.model = doubles(modelled).view({n, actions});
  return rows;
}

}  // namespace loopline::bandit_learning
