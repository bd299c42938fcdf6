#include "loopline/policy/advantage_sum.h"

#include <algorithm>

#include "loopline/core/error.h"

namespace loopline::policy {
namespace {

/// Groups with two valid samples or more, none of them informative.
std::int64_t zero_variance_groups(const std::vector<bool>& informative, const RewardBatch& batch) {
  const auto group_size = static_cast<std::size_t>(batch.group_size);
  std::int64_t count = 0;
  for (std::size_t begin = 0; begin < informative.size(); begin += group_size) {
    std::int64_t valid = 0;
    bool teaches = false;
    for (std::size_t i = begin; i < begin + group_size; ++i) {
      valid += batch.valid.empty() || batch.valid[i] ? 1 : 0;
      teaches = teaches || informative[i];
    }
    count += valid >= 2 && !teaches ? 1 : 0;
  }
  return count;
}

}  // namespace

Advantages weighted_sum(const std::vector<Advantages>& parts, std::span<const double> weights,
                        const RewardBatch& batch) {
  LOOPLINE_CHECK(!parts.empty() && parts.size() == weights.size(), "one weight a reward");
  Advantages sum = parts.front();
  std::fill(sum.value.begin(), sum.value.end(), 0.0);
  for (std::size_t part = 0; part < parts.size(); ++part) {
    for (std::size_t i = 0; i < sum.value.size(); ++i) {
      sum.value[i] += weights[part] * parts[part].value[i];
      sum.informative[i] = sum.informative[i] || parts[part].informative[i];
    }
    sum.buffered_groups = std::min(sum.buffered_groups, parts[part].buffered_groups);
  }
  sum.zero_variance_groups = zero_variance_groups(sum.informative, batch);
  return sum;
}

}  // namespace loopline::policy
