#include "estimate_sums.h"

#include <algorithm>
#include <utility>

namespace loopline::bandit {

EstimateSums::EstimateSums(const EstimateConfig& config, std::vector<EstimatorChoice> choices)
    : level_(config.interval.level),
      choices_(std::move(choices)),
      kinds_(intervals_of(config, choices_)),
      diagnostics_(config.clip) {
  const auto is_asked = [&](IntervalKind kind) {
    return std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end();
  };
  if (config.interval.range.size() == 2)
    range_ = {config.interval.range[0], config.interval.range[1]};
  for (const EstimatorChoice& choice : choices_) estimates_.emplace_back(choice);
  if (is_asked(IntervalKind::kBootstrap)) {
    const BootstrapOptions options{.seed = static_cast<std::uint64_t>(config.interval.seed),
                                   .replicates = static_cast<int>(config.interval.resamples)};
    bootstrap_.emplace(functionals_of(choices_), options);
  }
  if (is_asked(IntervalKind::kSequence)) sequence_.emplace();
}

void EstimateSums::add(const WeightedRows& rows) {
  diagnostics_.add(rows);
  loggers_.add(rows);
  for (EstimateAccumulator& estimate : estimates_) estimate.add(rows);
  if (bootstrap_) bootstrap_->add(rows, terms_of(choices_, rows));
  if (sequence_) sequence_->add(rows);
}

void EstimateSums::merge(const EstimateSums& other) {
  diagnostics_.merge(other.diagnostics_);
  loggers_.merge(other.loggers_);
  for (std::size_t i = 0; i < estimates_.size(); ++i) estimates_[i].merge(other.estimates_[i]);
  if (bootstrap_) bootstrap_->merge(*other.bootstrap_);
  if (sequence_) sequence_->merge(*other.sequence_);
}

stats::Interval EstimateSums::interval(std::size_t i, const Estimate& estimate) const {
  switch (kinds_[i]) {
    case IntervalKind::kBootstrap:
      return bootstrap_->finish(i, estimate, level_);
    case IntervalKind::kSequence:
      return sequence_->finish(estimate, level_);
    default:
      return closed_interval(estimate, kinds_[i], level_, range_);
  }
}

}  // namespace loopline::bandit
