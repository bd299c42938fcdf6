#include "loopline/stats/interval.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>
#include <vector>

#include "loopline/core/error.h"
#include "loopline/core/random.h"
#include "loopline/stats/moments.h"
#include "loopline/stats/quantile.h"
#include "loopline/stats/student_t.h"

namespace loopline::stats {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct Cluster {
  double sum = 0;
  double count = 0;
};

// In order of first appearance: labels are names, their values change nothing.
std::vector<Cluster> sum_clusters(std::span<const double> values,
                                  std::span<const std::int64_t> labels) {
  std::vector<Cluster> clusters;
  std::unordered_map<std::int64_t, std::size_t> index;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto [entry, is_new] = index.try_emplace(labels[i], clusters.size());
    if (is_new) clusters.emplace_back();
    clusters[entry->second].sum += values[i];
    clusters[entry->second].count += 1;
  }
  return clusters;
}

}  // namespace

Interval t_interval(std::span<const double> values, double level) {
  LOOPLINE_CHECK(!values.empty(), "an interval needs values");
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  Moments moments;
  for (const double value : values) moments.add(value);
  double half = kInfinity;
  if (values.size() > 1) {
    const double freedom = static_cast<double>(values.size() - 1);
    half = student_t_quantile(0.5 + level / 2, freedom) * moments.standard_error();
  }
  return {moments.mean(), moments.mean() - half, moments.mean() + half};
}

Interval cluster_bootstrap(std::span<const double> values, std::span<const std::int64_t> cluster,
                           std::uint64_t seed, int resamples, double level) {
  LOOPLINE_CHECK(!values.empty(), "an interval needs values");
  LOOPLINE_CHECK(values.size() == cluster.size(), "one cluster label a value");
  LOOPLINE_CHECK(resamples > 0, "a bootstrap needs resamples");
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  const std::vector<Cluster> clusters = sum_clusters(values, cluster);
  Moments all;
  for (const double value : values) all.add(value);
  if (clusters.size() == 1) return {all.mean(), -kInfinity, kInfinity};

  std::vector<double> means(static_cast<std::size_t>(resamples));
  Draw draw{.seed = seed, .stream = Stream::kBootstrap};
  for (double& mean : means) {
    Cluster total;
    const auto bound = static_cast<std::uint32_t>(clusters.size());
    for (const std::uint32_t picked : random_integers(draw, bound, clusters.size())) {
      total.sum += clusters[picked].sum;
      total.count += clusters[picked].count;
    }
    mean = total.sum / total.count;
    ++draw.iteration;
  }
  std::sort(means.begin(), means.end());
  return {all.mean(), sorted_quantile(means, 0.5 - level / 2),
          sorted_quantile(means, 0.5 + level / 2)};
}

}  // namespace loopline::stats
