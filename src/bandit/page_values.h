#pragma once

#include "page_parts.h"

namespace loopline::bandit::page {

/// Estimates, or differences of such, as a table with a dot and its interval each.
struct ValueTable {
  std::string id{};                   ///< of the <table>
  std::string first{};                ///< heading of the column of names
  std::string estimator{};            ///< the key that has a row's estimator
  std::optional<double> mark{};       ///< where a dashed line crosses all intervals
  bool is_difference = false;         ///< values have a sign
  std::vector<std::string> swatch{};  ///< names in the order of their colours
};

/// `rows`: as of estimate_log.h ("name" is the estimator's) or compare_log.h. "" without rows.
std::string value_table(const Json& rows, const ValueTable& table);

/// "95 %" of the first row.
std::string level_text(const Json& rows);

}  // namespace loopline::bandit::page
