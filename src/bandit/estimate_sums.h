#pragma once

#include <optional>
#include <vector>

#include "loopline/bandit/by_logger.h"
#include "loopline/bandit/confidence_sequence.h"
#include "loopline/bandit/estimate_config.h"
#include "loopline/bandit/intervals.h"
#include "loopline/bandit/poisson_bootstrap.h"
#include "loopline/stats/interval.h"

namespace loopline::bandit {

/// All that an estimate sums over the rows of a log.
class EstimateSums {
 public:
  EstimateSums(const EstimateConfig& config, std::vector<EstimatorChoice> choices);

  void add(const WeightedRows& rows);
  void merge(const EstimateSums& other);

  std::size_t size() const { return choices_.size(); }
  const EstimatorChoice& choice(std::size_t i) const { return choices_[i]; }
  IntervalKind kind(std::size_t i) const { return kinds_[i]; }
  Estimate estimate(std::size_t i) const { return estimates_[i].finish(); }
  stats::Interval interval(std::size_t i, const Estimate& estimate) const;
  Diagnostics diagnostics() const { return diagnostics_.finish(); }
  std::vector<LoggerRow> loggers() const { return loggers_.finish(); }

 private:
  double level_;
  std::optional<TermRange> range_;
  std::vector<EstimatorChoice> choices_;
  std::vector<IntervalKind> kinds_;
  std::vector<EstimateAccumulator> estimates_;
  DiagnosticsAccumulator diagnostics_;
  std::optional<PoissonBootstrap> bootstrap_;
  std::optional<ConfidenceSequence> sequence_;
  LoggerTable loggers_;
};

}  // namespace loopline::bandit
