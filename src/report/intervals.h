#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "json_number.h"
#include "loopline/stats/bootstrap.h"

namespace loopline::report::summary {

using Json = nlohmann::ordered_json;

/// Bootstrap intervals of one report: tables of one shape share their draws.
class Intervals {
 public:
  stats::Interval of(std::size_t rows, std::size_t columns, const stats::Statistic& statistic) {
    return stats::crossed_bootstrap(draws(rows, columns), statistic);
  }
  stats::Interval of_mean(const stats::ScoreTable& table);
  /// Of one value a seed; NaN: left out.
  stats::Interval of_values(const std::vector<double>& values);

  const stats::CrossedDraws& draws(std::size_t rows, std::size_t columns);

 private:
  std::map<std::pair<std::size_t, std::size_t>, stats::CrossedDraws> draws_;
};

/// Of each row that has a value.
std::vector<double> row_means(const stats::ScoreTable& table);

/// Student t over the rows' means; without any, NaN.
stats::Interval t_over_rows(const stats::ScoreTable& table);

Json json_interval(const stats::Interval& interval);

}  // namespace loopline::report::summary
