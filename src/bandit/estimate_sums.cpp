#include "estimate_sums.h"

#include <algorithm>
#include <string>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

bool has_clipping(const EstimatorChoice& choice) {
  return entry_of(choice.kind).parameter.name == "M";
}

/// Places among the choices whose differences fit a b of their own.
std::vector<std::size_t> choices_with_own(const std::vector<EstimatorChoice>& choices) {
  std::vector<std::size_t> places;
  for (std::size_t c = 0; c < choices.size(); ++c) {
    if (own_functional(choices[c])) places.push_back(c);
  }
  return places;
}

}  // namespace

EstimateSums::EstimateSums(const EstimateSettings& settings, std::vector<EstimatorChoice> choices,
                           std::size_t policies, std::vector<PolicyPair> pairs)
    : level_(settings.interval.level),
      choices_(std::move(choices)),
      kinds_(intervals_of(settings, choices_)) {
  const auto is_asked = [&](IntervalKind kind) {
    return std::find(kinds_.begin(), kinds_.end(), kind) != kinds_.end();
  };
  const std::vector<double>& range = settings.interval.range;
  if (range.size() == 2) range_ = {range[0], range[1]};
  for (std::size_t p = 0; p < policies; ++p) {
    PolicySums sums{.weights = DiagnosticsAccumulator(settings.clip),
                    .clipped = std::vector<double>(choices_.size())};
    for (const EstimatorChoice& choice : choices_) sums.estimates.emplace_back(choice);
    if (is_asked(IntervalKind::kSequence)) sums.sequence.emplace();
    policies_.push_back(std::move(sums));
  }
  for (const PolicyPair& pair : pairs) {
    PairSums sums{.pair = pair};
    for (const EstimatorChoice& choice : choices_) sums.differences.emplace_back(choice);
    pairs_.push_back(std::move(sums));
  }
  if (!is_asked(IntervalKind::kBootstrap)) return;
  std::vector<Functional> functionals;
  for (std::size_t p = 0; p < policies; ++p) {
    const std::vector<Functional> of_policy = functionals_of(choices_);
    functionals.insert(functionals.end(), of_policy.begin(), of_policy.end());
  }
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    for (const std::size_t c : choices_with_own(choices_)) {
      functionals.push_back(*own_functional(choices_[c]));
    }
  }
  bootstrap_.emplace(std::move(functionals),
                     BootstrapOptions{.seed = static_cast<std::uint64_t>(settings.interval.seed),
                                      .replicates = static_cast<int>(settings.interval.resamples)});
}

void EstimateSums::add(const std::vector<WeightedRows>& by_policy) {
  LOOPLINE_CHECK(by_policy.size() == policies_.size(), "rows of every policy");
  for (std::size_t p = 0; p < policies_.size(); ++p) {
    const WeightedRows& rows = by_policy[p];
    PolicySums& sums = policies_[p];
    sums.weights.add(rows);
    sums.histogram.add(rows);
    sums.loggers.add(rows);
    for (std::size_t c = 0; c < choices_.size(); ++c) {
      sums.estimates[c].add(rows);
      if (!has_clipping(choices_[c])) continue;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows.weight[i] > *choices_[c].parameter) sums.clipped[c] += rows.count(i);
      }
    }
    if (sums.sequence) sums.sequence->add(rows);
  }
  for (PairSums& sums : pairs_) {
    for (PairedDifference& difference : sums.differences) {
      difference.add(by_policy[sums.pair.policy], by_policy[sums.pair.minus]);
    }
  }
  if (bootstrap_) bootstrap_->add(by_policy.front(), bootstrap_terms(by_policy));
}

std::vector<std::vector<Terms>> EstimateSums::bootstrap_terms(
    const std::vector<WeightedRows>& by_policy) const {
  std::vector<std::vector<Terms>> terms;
  for (const WeightedRows& rows : by_policy) {
    for (std::vector<Terms>& of_choice : terms_of(choices_, rows)) {
      terms.push_back(std::move(of_choice));
    }
  }
  const std::size_t own = choices_with_own(choices_).size();
  for (const PairSums& sums : pairs_) {
    if (own == 0) break;
    terms.insert(terms.end(), own,
                 difference_terms(by_policy[sums.pair.policy], by_policy[sums.pair.minus]));
  }
  return terms;
}

void EstimateSums::merge(const EstimateSums& other) {
  for (std::size_t p = 0; p < policies_.size(); ++p) {
    PolicySums& sums = policies_[p];
    const PolicySums& others = other.policies_[p];
    sums.weights.merge(others.weights);
    sums.histogram.merge(others.histogram);
    sums.loggers.merge(others.loggers);
    for (std::size_t c = 0; c < choices_.size(); ++c) {
      sums.estimates[c].merge(others.estimates[c]);
      sums.clipped[c] += others.clipped[c];
    }
    if (sums.sequence) sums.sequence->merge(*others.sequence);
  }
  for (std::size_t pair = 0; pair < pairs_.size(); ++pair) {
    for (std::size_t c = 0; c < choices_.size(); ++c) {
      pairs_[pair].differences[c].merge(other.pairs_[pair].differences[c]);
    }
  }
  if (bootstrap_) bootstrap_->merge(*other.bootstrap_);
}

stats::Interval EstimateSums::interval_of(std::size_t policy, std::size_t choice,
                                          const Estimate& estimate) const {
  switch (kinds_[choice]) {
    case IntervalKind::kBootstrap:
      return bootstrap_->finish(policy * choices_.size() + choice, estimate, level_);
    case IntervalKind::kSequence:
      return policies_[policy].sequence->finish(estimate, level_);
    default:
      return closed_interval(estimate, kinds_[choice], level_, range_);
  }
}

stats::Interval EstimateSums::interval_of_pair(std::size_t pair, std::size_t choice,
                                               const Estimate& estimate) const {
  if (kinds_[choice] != IntervalKind::kBootstrap) {
    std::optional<TermRange> range;  // of a difference of two terms that have one
    if (range_) range = {range_->low - range_->high, range_->high - range_->low};
    return closed_interval(estimate, kinds_[choice], level_, range);
  }
  const std::vector<std::size_t> own = choices_with_own(choices_);
  const auto found = std::find(own.begin(), own.end(), choice);
  if (found != own.end()) {
    const std::size_t before = policies_.size() * choices_.size() + pair * own.size();
    return bootstrap_->finish(before + static_cast<std::size_t>(found - own.begin()), estimate,
                              level_);
  }
  const PolicyPair& of = pairs_[pair].pair;
  std::vector<double> values = bootstrap_->replicates(of.policy * choices_.size() + choice);
  const std::vector<double> others = bootstrap_->replicates(of.minus * choices_.size() + choice);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] -= others[i];
  return percentile_interval(std::move(values), estimate, level_);
}

std::vector<EstimateRow> EstimateSums::rows_of(std::vector<EstimateRow> by_choice,
                                               const std::vector<double>& clipped) const {
  std::vector<EstimateRow> rows;
  for (std::size_t first = 0, end = 0; first < by_choice.size(); first = end) {
    std::vector<double> grid, shares;
    std::vector<Estimate> estimates;
    for (; end < by_choice.size() && choices_[end].kind == choices_[first].kind; ++end) {
      const Estimate& estimate = estimates.emplace_back(by_choice[end].estimate);
      grid.push_back(choices_[end].parameter.value_or(0));
      if (!clipped.empty()) shares.push_back(clipped[end] / estimate.rows);
    }
    if (grid.size() == 1) {
      rows.push_back(std::move(by_choice[first]));
      continue;
    }
    SlopeResult slope = choose_by_slope(grid, estimates, shares, level_);
    EstimateRow& row = rows.emplace_back(std::move(by_choice[first + slope.chosen]));
    row.estimate.notes.push_back("M chosen by SLOPE of " + std::to_string(grid.size()) +
                                 ": the interval knows nothing of the choice");
    for (const std::string& note : slope.notes) row.estimate.notes.push_back(note);
    row.slope = std::move(slope);
  }
  return rows;
}

std::vector<EstimateRow> EstimateSums::estimates(std::size_t policy) const {
  std::vector<EstimateRow> by_choice;
  for (std::size_t c = 0; c < choices_.size(); ++c) {
    const Estimate estimate = policies_[policy].estimates[c].finish();
    by_choice.push_back(
        {choices_[c], estimate, kinds_[c], interval_of(policy, c, estimate), std::nullopt});
  }
  return rows_of(std::move(by_choice), policies_[policy].clipped);
}

std::vector<EstimateRow> EstimateSums::differences(std::size_t pair) const {
  std::vector<EstimateRow> by_choice;
  for (std::size_t c = 0; c < choices_.size(); ++c) {
    const Estimate estimate = pairs_[pair].differences[c].finish();
    by_choice.push_back(
        {choices_[c], estimate, kinds_[c], interval_of_pair(pair, c, estimate), std::nullopt});
  }
  return rows_of(std::move(by_choice), {});
}

}  // namespace loopline::bandit
