#include "loopline/bandit/by_logger.h"

namespace loopline::bandit {

void LoggerTable::add(const WeightedRows& rows) {
  check_rows(rows);
  const std::vector<double>& weight = rows.own_weight.empty() ? rows.weight : rows.own_weight;
  std::map<std::int64_t, WeightedRows> by_logger;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    WeightedRows& part = by_logger[rows.logger.empty() ? 0 : rows.logger[i]];
    part.weight.push_back(weight[i]);
    part.reward.push_back(rows.reward[i]);
    part.multiplicity.push_back(rows.count(i));
    if (!rows.cluster.empty()) part.cluster.push_back(rows.cluster[i]);
  }
  for (const auto& [logger, part] : by_logger) {
    parts_[logger].diagnostics.add(part);
    parts_[logger].ips.add(part);
  }
}

void LoggerTable::merge(const LoggerTable& other) {
  for (const auto& [logger, part] : other.parts_) {
    parts_[logger].diagnostics.merge(part.diagnostics);
    parts_[logger].ips.merge(part.ips);
  }
}

std::vector<LoggerRow> LoggerTable::finish() const {
  std::vector<LoggerRow> table;
  for (const auto& [logger, part] : parts_) {
    table.push_back({logger, part.diagnostics.finish(), part.ips.finish()});
  }
  return table;
}

}  // namespace loopline::bandit
