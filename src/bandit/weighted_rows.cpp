#include "loopline/bandit/weighted_rows.h"

#include <cmath>
#include <limits>
#include <string>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr double kNoLowest = -std::numeric_limits<double>::infinity();

void check_column(const WeightedRows& rows, const std::vector<double>& column, const char* name,
                  double lowest) {
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (std::isfinite(column[i]) && column[i] >= lowest) continue;
    const std::int64_t row = rows.first_row + static_cast<std::int64_t>(i);
    throw failure("row " + std::to_string(row),
                  std::string(name) + " is " + std::to_string(column[i]),
                  "policies and reward models must give finite numbers, weights none below 0");
  }
}

}  // namespace

void check_rows(const WeightedRows& rows) {
  const auto fits = [&](const auto& column) {
    return column.empty() || column.size() == rows.size();
  };
  LOOPLINE_CHECK(rows.weight.size() == rows.size() && fits(rows.model_logged) &&
                     fits(rows.model_policy) && fits(rows.multiplicity) && fits(rows.cluster) &&
                     fits(rows.logger) && fits(rows.own_weight),
                 "the columns of weighted rows have one length");
  check_column(rows, rows.weight, "the weight", 0);
  check_column(rows, rows.own_weight, "the weight by the row's logger", 0);
  check_column(rows, rows.reward, "the reward", kNoLowest);
  check_column(rows, rows.model_logged, "the modelled reward", kNoLowest);
  check_column(rows, rows.model_policy, "the modelled value", kNoLowest);
  check_column(rows, rows.multiplicity, "the multiplicity", std::numeric_limits<double>::min());
}

}  // namespace loopline::bandit
