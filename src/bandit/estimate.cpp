#include "loopline/bandit/estimate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "loopline/core/error.h"

namespace loopline::bandit {

FunctionalAccumulator::FunctionalAccumulator(const Functional& functional, std::string_view name,
                                             std::span<const IntervalKind> intervals)
    : functional_(functional),
      name_(name),
      intervals_(intervals),
      sample_(functional.folds),
      lowest_(std::numeric_limits<double>::infinity()),
      highest_(-lowest_) {}

void FunctionalAccumulator::add(const WeightedRows& rows, std::span<const Terms> terms) {
  sample_.add(rows, terms);
  for (const Terms& row : terms) {
    lowest_ = std::min(lowest_, row[kPlain]);
    highest_ = std::max(highest_, row[kPlain]);
  }
}

void FunctionalAccumulator::merge(const FunctionalAccumulator& other) {
  sample_.merge(other.sample_);
  lowest_ = std::min(lowest_, other.lowest_);
  highest_ = std::max(highest_, other.highest_);
}

Estimate FunctionalAccumulator::finish() const {
  Estimate estimate{.name = name_,
                    .intervals = intervals_,
                    .rows = sample_.all().count(),
                    .units = sample_.units(),
                    .clustered = sample_.clustered(),
                    .lowest_term = lowest_,
                    .highest_term = highest_};
  if (estimate.rows == 0) throw failure("log", "it has no rows: nothing can be estimated");
  Solution solution = solve(functional_, sample_.folds());
  estimate.value = solution.value;
  estimate.standard_error = std::isnan(solution.value)
                                ? std::numeric_limits<double>::infinity()
                                : std::sqrt(sample_.squared_error(solution.form));
  estimate.baseline = solution.baseline;
  estimate.notes = std::move(solution.notes);
  return estimate;
}

EstimateAccumulator::EstimateAccumulator(const EstimatorChoice& choice)
    : choice_((check_choice(choice), choice)),
      terms_(functional_of(choice), entry_of(choice.kind).name, valid_intervals(choice)) {}

void EstimateAccumulator::add(const WeightedRows& rows) {
  check_rows(rows);
  terms_.add(rows, terms_of(choice_, rows));
}

Estimate EstimateAccumulator::finish() const {
  Estimate estimate = terms_.finish();
  if (!entry_of(choice_.kind).unbiased) estimate.notes.emplace_back(kBiasNote);
  return estimate;
}

}  // namespace loopline::bandit
