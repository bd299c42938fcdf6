#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "loopline/bandit/by_logger.h"
#include "loopline/bandit/confidence_sequence.h"
#include "loopline/bandit/difference.h"
#include "loopline/bandit/estimate_config.h"
#include "loopline/bandit/intervals.h"
#include "loopline/bandit/poisson_bootstrap.h"
#include "loopline/bandit/slope.h"
#include "loopline/bandit/weight_histogram.h"
#include "loopline/stats/interval.h"

namespace loopline::bandit {

/// The first policy less the second one, by their places.
struct PolicyPair {
  std::size_t policy = 0, minus = 0;
};

/// What is reported of one estimator: the choice as asked for, or the one that SLOPE has made.
struct EstimateRow {
  EstimatorChoice choice{};
  Estimate estimate{};
  IntervalKind kind{};
  stats::Interval interval{};
  std::optional<SlopeResult> slope{};
};

/// All that estimates of policies, and the paired differences of some, sum over the rows of a log.
/// `choices` are those of choices_of: neighbours of one kind are the grid of one estimator.
class EstimateSums {
 public:
  EstimateSums(const EstimateSettings& settings, std::vector<EstimatorChoice> choices,
               std::size_t policies = 1, std::vector<PolicyPair> pairs = {});

  /// The same rows under each policy.
  void add(const std::vector<WeightedRows>& by_policy);
  void merge(const EstimateSums& other);

  /// An entry an estimator. With a grid the differences have their own choice of M, as they are
  /// estimates whose bias and width it trades, too.
  std::vector<EstimateRow> estimates(std::size_t policy) const;
  std::vector<EstimateRow> differences(std::size_t pair) const;
  Diagnostics diagnostics(std::size_t policy) const { return policies_[policy].weights.finish(); }
  std::vector<WeightHistogram::Bin> histogram(std::size_t policy) const {
    return policies_[policy].histogram.bins();
  }
  std::vector<LoggerRow> loggers(std::size_t policy) const {
    return policies_[policy].loggers.finish();
  }

 private:
  struct PolicySums {
    std::vector<EstimateAccumulator> estimates{};  ///< one a choice
    DiagnosticsAccumulator weights{};
    WeightHistogram histogram{};
    LoggerTable loggers{};
    std::optional<ConfidenceSequence> sequence{};
    std::vector<double> clipped{};  ///< rows with a weight above each choice's M
  };
  struct PairSums {
    PolicyPair pair{};
    std::vector<PairedDifference> differences{};  ///< one a choice
  };

  std::vector<EstimateRow> rows_of(std::vector<EstimateRow> by_choice,
                                   const std::vector<double>& clipped) const;
  stats::Interval interval_of(std::size_t policy, std::size_t choice,
                              const Estimate& estimate) const;
  stats::Interval interval_of_pair(std::size_t pair, std::size_t choice,
                                   const Estimate& estimate) const;
  std::vector<std::vector<Terms>> bootstrap_terms(const std::vector<WeightedRows>& by_policy) const;

  double level_;
  std::optional<TermRange> range_;
  std::vector<EstimatorChoice> choices_;
  std::vector<IntervalKind> kinds_;
  std::vector<PolicySums> policies_;
  std::vector<PairSums> pairs_;
  /// Functionals of all choices of the first policy, of the second, ...; then, pair by pair, those
  /// of differences that have one of their own.
  std::optional<PoissonBootstrap> bootstrap_;
};

}  // namespace loopline::bandit
