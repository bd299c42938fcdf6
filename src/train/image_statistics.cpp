#include "loopline/train/image_statistics.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace loopline::train {
namespace {

using Statistics = std::vector<std::pair<std::string, at::Tensor>>;

constexpr std::int64_t kAtOnce = 16;  // images: the doubles of a whole batch would be gigabytes

Statistics statistics_of(const at::Tensor& images) {
  const at::Tensor values = images.to(at::kDouble);
  const at::Tensor grey = values.mean(1).flatten(1);
  const at::Tensor range = std::get<0>(values.max(1)) - std::get<0>(values.min(1));
  const at::Tensor right = values.diff(1, 3).abs().flatten(1);
  const at::Tensor below = values.diff(1, 2).abs().flatten(1);
  return {{"brightness", values.flatten(1).mean(1)},
          {"contrast", grey.std(1, /*unbiased=*/false)},
          {"saturation", range.flatten(1).mean(1)},
          {"detail", at::cat({right, below}, 1).mean(1)}};
}

}  // namespace

Statistics image_statistics(const at::Tensor& images) {
  Statistics statistics;
  for (const at::Tensor& part : images.split(kAtOnce)) {
    const Statistics next = statistics_of(part);
    if (statistics.empty()) statistics.resize(next.size());
    for (std::size_t i = 0; i < next.size(); ++i) {
      auto& [name, values] = statistics[i];
      name = next[i].first;
      const at::Tensor more = next[i].second.to(at::kCPU);
      values = values.defined() ? at::cat({values, more}) : more;
    }
  }
  return statistics;
}

double mean_pairwise_distance(const at::Tensor& images) {
  const at::Tensor flat = images.flatten(1).to(at::kDouble);
  const double elements = static_cast<double>(flat.size(1));
  return (at::pdist(flat) / std::sqrt(elements)).mean().item<double>();
}

double vendi_score(const at::Tensor& images) {
  at::Tensor flat = images.flatten(1).to(at::kDouble) * 2 - 1;
  const at::Tensor norm = flat.norm(2, 1, /*keepdim=*/true);
  flat = flat / norm.clamp_min(1e-12);  // an image of mid grey alone is like no other one
  const auto count = static_cast<double>(flat.size(0));
  at::Tensor similarity = flat.mm(flat.t());
  similarity.fill_diagonal_(1);
  const at::Tensor shares = at::linalg_eigvalsh(similarity / count).clamp_min(0);
  return std::exp(-at::xlogy(shares, shares).sum().item<double>());
}

double diversity_within_groups(const at::Tensor& images, std::int64_t group_size) {
  if (group_size < 2) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (const at::Tensor& group : images.split(group_size)) sum += mean_pairwise_distance(group);
  return sum * static_cast<double>(group_size) / static_cast<double>(images.size(0));
}

}  // namespace loopline::train
