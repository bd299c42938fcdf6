#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "loopline/bandit/diagnostics.h"
#include "loopline/bandit/estimate.h"
#include "loopline/bandit/weighted_rows.h"

namespace loopline::bandit {

/// What the rows of one logger say by themselves, over its own policy: also where the weights are
/// balanced, pi over the mixture of the loggers (Agarwal et al. 2017), as of those only the mean
/// over all loggers is 1.
struct LoggerRow {
  std::int64_t logger = 0;
  Diagnostics diagnostics{};
  Estimate ips{};
};

/// A table by logger, to see one whose log differs. Rows without a logger are of logger 0.
class LoggerTable {
 public:
  void add(const WeightedRows& rows);
  void merge(const LoggerTable& other);
  std::vector<LoggerRow> finish() const;  ///< ascending by logger

 private:
  struct Part {
    DiagnosticsAccumulator diagnostics{};
    EstimateAccumulator ips{EstimatorChoice{Estimator::kIps}};
  };

  std::map<std::int64_t, Part> parts_;
};

}  // namespace loopline::bandit
