#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "loopline/stats/interval.h"

namespace loopline::stats {

/// Scores of one algorithm, [seed][prompt], all rows of one length. NaN: missing, left out of every
/// statistic.
using ScoreTable = std::vector<std::vector<double>>;

/// Rows and columns of tables that one resample holds, with repeats.
struct Resample {
  std::vector<std::uint32_t> rows, columns;
};

/// The draws of a crossed bootstrap of tables with so many rows and columns: rows with replacement,
/// and columns with replacement whatever the rows, since every seed sees the same prompts. A single
/// column is a model without prompts, of which rows alone are drawn.
struct CrossedDraws {
  Resample all;  ///< every row and column once: the estimate
  std::vector<Resample> resamples;
};

/// Draws come from Philox(seed): a function of the arguments. No rows, columns or resamples: a
/// broken invariant.
CrossedDraws crossed_draws(std::size_t rows, std::size_t columns, std::uint64_t seed,
                           int resamples = 2000);

/// Of the tables that it holds, all with the rows and columns of the draws: tables that share rows
/// and columns are so resampled together, as paired comparisons need.
using Statistic = std::function<double(const Resample&)>;

/// Percentile interval of a statistic. One row says nothing about the spread between rows,
/// whatever its columns say: the interval is infinite. Resamples in which the statistic is NaN are
/// left out; where none is left, the interval is infinite.
///
/// Percentiles over few rows are too narrow: of three seeds every ninth resample holds one alone.
/// t_interval over the means of the rows is the honest companion, blind to prompts.
Interval crossed_bootstrap(const CrossedDraws& draws, const Statistic& statistic,
                           double level = 0.95);

/// The part of a table that a resample holds.
ScoreTable picked(const ScoreTable& table, const Resample& resample);

/// a - b, value by value; missing where either is. Equal shapes.
ScoreTable difference(const ScoreTable& a, const ScoreTable& b);

/// Over all values; NaN without any.
double mean(const ScoreTable& table, const Resample& resample);

/// Mean of all values without the lowest and the highest quarter, n / 4 rounded down at either end
/// (scipy.stats.trim_mean(.25), which rliable uses: Agarwal et al. 2021). NaN without values.
double interquartile_mean(const ScoreTable& table, const Resample& resample);

/// How likely a run of x beats a run of y on the same prompt (Agarwal et al. 2021): for each prompt
/// the share of pairs of rows with x > y, ties counted half, averaged over prompts; in [0, 1]. NaN
/// where no prompt has a pair.
double probability_of_improvement(const ScoreTable& x, const ScoreTable& y,
                                  const Resample& resample);

/// Mean height of a curve: the integral of straight lines between its points over the range of x.
/// Points whose y is NaN are left out; a single point is its own height, none NaN. x ascends.
double area_under_curve(std::span<const double> x, std::span<const double> y);

/// The first x at which a curve is at `level` or above, on straight lines between its points;
/// nothing when it never is (the crossing is censored). Points whose y is NaN are left out. x
/// ascends.
std::optional<double> first_crossing(std::span<const double> x, std::span<const double> y,
                                     double level);

}  // namespace loopline::stats
