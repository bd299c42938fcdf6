#include "loopline/stats/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "loopline/core/error.h"
#include "loopline/core/random.h"
#include "loopline/stats/quantile.h"

namespace loopline::stats {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t kRowSlot = 1;  // slot 0 belongs to cluster_bootstrap
constexpr std::uint32_t kColumnSlot = 2;

std::vector<std::uint32_t> each_once(std::size_t count) {
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), 0U);
  return all;
}

std::vector<std::uint32_t> drawn(std::size_t count, Draw draw, std::uint32_t slot) {
  draw.slot = slot;
  return random_integers(draw, static_cast<std::uint32_t>(count), count);
}

struct Points {
  std::vector<double> x, y;
};

Points measured_points(std::span<const double> x, std::span<const double> y) {
  LOOPLINE_CHECK(x.size() == y.size(), "a curve has as many x as y");
  LOOPLINE_CHECK(std::is_sorted(x.begin(), x.end()), "the x of a curve ascend");
  Points points;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(y[i])) continue;
    points.x.push_back(x[i]);
    points.y.push_back(y[i]);
  }
  return points;
}

}  // namespace

CrossedDraws crossed_draws(std::size_t rows, std::size_t columns, std::uint64_t seed,
                           int resamples) {
  LOOPLINE_CHECK(rows > 0 && columns > 0, "an interval needs values");
  LOOPLINE_CHECK(resamples > 0, "a bootstrap needs resamples");
  CrossedDraws draws{.all = {each_once(rows), each_once(columns)}, .resamples = {}};
  draws.resamples.reserve(static_cast<std::size_t>(resamples));
  Draw draw{.seed = seed, .stream = Stream::kBootstrap};
  for (int i = 0; i < resamples; ++i) {
    draws.resamples.push_back({drawn(rows, draw, kRowSlot), drawn(columns, draw, kColumnSlot)});
    ++draw.iteration;
  }
  return draws;
}

Interval crossed_bootstrap(const CrossedDraws& draws, const Statistic& statistic, double level) {
  LOOPLINE_CHECK(level > 0 && level < 1, "a confidence level lies inside (0, 1)");
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double estimate = statistic(draws.all);
  std::vector<double> values;
  if (draws.all.rows.size() > 1) {
    values.reserve(draws.resamples.size());
    for (const Resample& resample : draws.resamples) {
      const double value = statistic(resample);
      if (!std::isnan(value)) values.push_back(value);
    }
  }
  if (values.empty()) return {estimate, -kInfinity, kInfinity};
  std::sort(values.begin(), values.end());
  return {estimate, sorted_quantile(values, 0.5 - level / 2),
          sorted_quantile(values, 0.5 + level / 2)};
}

ScoreTable picked(const ScoreTable& table, const Resample& resample) {
  ScoreTable part;
  for (const std::uint32_t row : resample.rows) {
    std::vector<double>& values = part.emplace_back();
    for (const std::uint32_t column : resample.columns) values.push_back(table[row][column]);
  }
  return part;
}

ScoreTable difference(const ScoreTable& a, const ScoreTable& b) {
  LOOPLINE_CHECK(a.size() == b.size(), "paired tables have equal shapes");
  ScoreTable result = a;
  for (std::size_t row = 0; row < a.size(); ++row) {
    LOOPLINE_CHECK(a[row].size() == b[row].size(), "paired tables have equal shapes");
    for (std::size_t i = 0; i < a[row].size(); ++i) result[row][i] -= b[row][i];
  }
  return result;
}

double mean(const ScoreTable& table, const Resample& resample) {
  double sum = 0;
  double count = 0;
  for (const std::uint32_t row : resample.rows) {
    for (const std::uint32_t column : resample.columns) {
      const double value = table[row][column];
      if (std::isnan(value)) continue;
      sum += value;
      count += 1;
    }
  }
  return count > 0 ? sum / count : kMissing;
}

double interquartile_mean(const ScoreTable& table, const Resample& resample) {
  std::vector<double> values;
  values.reserve(resample.rows.size() * resample.columns.size());
  for (const std::uint32_t row : resample.rows) {
    for (const std::uint32_t column : resample.columns) {
      if (!std::isnan(table[row][column])) values.push_back(table[row][column]);
    }
  }
  if (values.empty()) return kMissing;
  std::sort(values.begin(), values.end());
  const auto cut = static_cast<std::ptrdiff_t>(values.size() / 4);
  const double sum = std::accumulate(values.begin() + cut, values.end() - cut, 0.0);
  return sum / static_cast<double>(values.end() - values.begin() - 2 * cut);
}

double probability_of_improvement(const ScoreTable& x, const ScoreTable& y,
                                  const Resample& resample) {
  double sum = 0;
  double prompts = 0;
  for (const std::uint32_t column : resample.columns) {
    double wins = 0;
    double pairs = 0;
    for (const std::uint32_t of_x : resample.rows) {
      for (const std::uint32_t of_y : resample.rows) {
        const double a = x[of_x][column];
        const double b = y[of_y][column];
        if (std::isnan(a) || std::isnan(b)) continue;
        wins += a > b ? 1 : a == b ? 0.5 : 0;
        pairs += 1;
      }
    }
    if (pairs == 0) continue;
    sum += wins / pairs;
    prompts += 1;
  }
  return prompts > 0 ? sum / prompts : kMissing;
}

double area_under_curve(std::span<const double> x, std::span<const double> y) {
  const Points points = measured_points(x, y);
  if (points.x.empty()) return kMissing;
  const double range = points.x.back() - points.x.front();
  if (range == 0) return points.y.front();
  double area = 0;
  for (std::size_t i = 1; i < points.x.size(); ++i) {
    area += (points.x[i] - points.x[i - 1]) * (points.y[i] + points.y[i - 1]) / 2;
  }
  return area / range;
}

std::optional<double> first_crossing(std::span<const double> x, std::span<const double> y,
                                     double level) {
  const Points points = measured_points(x, y);
  for (std::size_t i = 0; i < points.x.size(); ++i) {
    if (points.y[i] < level) continue;
    if (i == 0) return points.x[0];
    const double share = (level - points.y[i - 1]) / (points.y[i] - points.y[i - 1]);
    return std::lerp(points.x[i - 1], points.x[i], share);
  }
  return std::nullopt;
}

}  // namespace loopline::stats
