#include "intervals.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

namespace loopline::report::summary {
namespace {

constexpr std::uint64_t kBootstrapSeed = 1;  // a report is a function of its cells

}  // namespace

const stats::CrossedDraws& Intervals::draws(std::size_t rows, std::size_t columns) {
  auto found = draws_.find({rows, columns});
  if (found == draws_.end()) {
    found =
        draws_
            .emplace(std::pair(rows, columns), stats::crossed_draws(rows, columns, kBootstrapSeed))
            .first;
  }
  return found->second;
}

stats::Interval Intervals::of_mean(const stats::ScoreTable& table) {
  return of(table.size(), table.front().size(),
            [&](const stats::Resample& part) { return stats::mean(table, part); });
}

stats::Interval Intervals::of_values(const std::vector<double>& values) {
  stats::ScoreTable table;
  for (const double value : values) {
    if (!std::isnan(value)) table.push_back({value});
  }
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  return table.empty() ? stats::Interval{kNone, kNone, kNone} : of_mean(table);
}

std::vector<double> row_means(const stats::ScoreTable& table) {
  std::vector<double> means;
  for (const std::vector<double>& row : table) {
    double sum = 0;
    double count = 0;
    for (const double value : row) {
      if (std::isnan(value)) continue;
      sum += value;
      count += 1;
    }
    if (count > 0) means.push_back(sum / count);
  }
  return means;
}

stats::Interval t_over_rows(const stats::ScoreTable& table) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> means = row_means(table);
  return means.empty() ? stats::Interval{kNone, kNone, kNone} : stats::t_interval(means);
}

Json json_interval(const stats::Interval& interval) {
  return {{"mean", json_number(interval.mean)},
          {"low", json_number(interval.low)},
          {"high", json_number(interval.high)}};
}

}  // namespace loopline::report::summary
