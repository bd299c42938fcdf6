#include "loopline/bandit/poisson_bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "loopline/core/error.h"
#include "loopline/stats/quantile.h"
#include "poisson.h"

namespace loopline::bandit {
namespace {

constexpr std::size_t kGroup = 4;  // replicates that share the words of a draw
constexpr int kMostReplicates = 1 << 20;

std::array<double, kGroup> replicate_counts(const WeightedRows& rows, std::size_t row,
                                            std::uint64_t seed, std::uint32_t group) {
  const Draw draw = unit_draw(seed, rows.unit(row));
  const double count = rows.count(row);
  std::array<double, kGroup> counts;
  if (!rows.cluster.empty() || count == 1) {
    counts = poisson_counts(draw, group);
    for (double& value : counts) value *= count;
  } else {
    for (std::uint32_t lane = 0; lane < kGroup; ++lane) {
      counts[lane] = poisson_count(draw, kGroup * group + lane, count);
    }
  }
  return counts;
}

std::vector<double> sorted_numbers(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

PoissonBootstrap::PoissonBootstrap(std::vector<Functional> functionals,
                                   const BootstrapOptions& options)
    : functionals_(std::move(functionals)), options_(options) {
  if (options.replicates < 2 || options.replicates > kMostReplicates) {
    throw Error("bootstrap", std::to_string(options.replicates) + " replicates",
                "choose from 2 to " + std::to_string(kMostReplicates));
  }
  for (const Functional& functional : functionals_) {
    moments_.emplace_back(static_cast<std::size_t>(options.replicates),
                          Folds(static_cast<std::size_t>(functional.folds)));
  }
}

void PoissonBootstrap::add(const WeightedRows& rows, const std::vector<std::vector<Terms>>& terms) {
  LOOPLINE_CHECK(terms.size() == functionals_.size(), "terms of every functional");
  std::vector<Terms> shifts;
  for (const std::vector<Terms>& of_functional : terms) {
    LOOPLINE_CHECK(of_functional.size() == rows.size(), "one set of terms a row");
    shifts.push_back(mean_terms<3>(rows, of_functional));
  }
  for (std::size_t first = 0; first < static_cast<std::size_t>(options_.replicates);
       first += kGroup) {
    add_replicates(first, rows, terms, shifts);
  }
}

void PoissonBootstrap::add_replicates(std::size_t first, const WeightedRows& rows,
                                      const std::vector<std::vector<Terms>>& terms,
                                      const std::vector<Terms>& shifts) {
  // [functional][fold][lane]
  std::vector<std::vector<std::vector<ShiftedSums>>> sums;
  for (std::size_t f = 0; f < functionals_.size(); ++f) {
    sums.emplace_back(static_cast<std::size_t>(functionals_[f].folds),
                      std::vector<ShiftedSums>(kGroup, ShiftedSums(shifts[f])));
  }
  const auto group = static_cast<std::uint32_t>(first / kGroup);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto counts = replicate_counts(rows, i, options_.seed, group);
    for (std::size_t f = 0; f < functionals_.size(); ++f) {
      std::vector<ShiftedSums>& of_fold = sums[f][fold_of(rows, i, functionals_[f].folds)];
      for (std::size_t lane = 0; lane < kGroup; ++lane) {
        of_fold[lane].add(terms[f][i], counts[lane]);
      }
    }
  }
  const std::size_t last = std::min(first + kGroup, static_cast<std::size_t>(options_.replicates));
  for (std::size_t f = 0; f < functionals_.size(); ++f) {
    for (std::size_t replicate = first; replicate < last; ++replicate) {
      Folds& folds = moments_[f][replicate];
      for (std::size_t k = 0; k < folds.size(); ++k) {
        folds[k].merge(sums[f][k][replicate - first].moments());
      }
    }
  }
}

void PoissonBootstrap::merge(const PoissonBootstrap& other) {
  LOOPLINE_CHECK(options_.seed == other.options_.seed &&
                     options_.replicates == other.options_.replicates &&
                     moments_.size() == other.moments_.size(),
                 "bootstraps to merge are alike");
  for (std::size_t f = 0; f < moments_.size(); ++f) {
    for (std::size_t replicate = 0; replicate < moments_[f].size(); ++replicate) {
      Folds& folds = moments_[f][replicate];
      for (std::size_t k = 0; k < folds.size(); ++k) {
        folds[k].merge(other.moments_[f][replicate][k]);
      }
    }
  }
}

std::vector<double> PoissonBootstrap::replicates(std::size_t functional) const {
  std::vector<double> values;
  for (const Folds& folds : moments_.at(functional)) {
    const bool is_empty = std::all_of(
        folds.begin(), folds.end(), [](const WeightedMoments& fold) { return fold.count() == 0; });
    values.push_back(is_empty ? std::numeric_limits<double>::quiet_NaN()
                              : solve(functionals_[functional], folds).value);
  }
  return values;
}

std::vector<double> PoissonBootstrap::values(std::size_t functional) const {
  return sorted_numbers(replicates(functional));
}

stats::Interval PoissonBootstrap::finish(std::size_t functional, const Estimate& estimate,
                                         double level) const {
  return percentile_interval(replicates(functional), estimate, level);
}

stats::Interval percentile_interval(std::vector<double> replicates, const Estimate& estimate,
                                    double level) {
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  require_valid(estimate.name, estimate.intervals, IntervalKind::kBootstrap);
  const std::vector<double> sorted = sorted_numbers(std::move(replicates));
  if (estimate.units <= 1 || sorted.empty()) {
    constexpr double kInfinite = std::numeric_limits<double>::infinity();
    return {estimate.value, -kInfinite, kInfinite};
  }
  return {estimate.value, stats::sorted_quantile(sorted, 0.5 - level / 2),
          stats::sorted_quantile(sorted, 0.5 + level / 2)};
}

}  // namespace loopline::bandit
