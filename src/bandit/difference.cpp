#include "loopline/bandit/difference.h"

#include <array>
#include <cmath>
#include <limits>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

constexpr std::array kForDifferences = {IntervalKind::kDelta, IntervalKind::kBootstrap};
constexpr std::array kForMeanDifferences = {IntervalKind::kNormal, IntervalKind::kStudentT,
                                            IntervalKind::kBootstrap, IntervalKind::kBernstein};

std::vector<Terms> mean_difference_terms(const EstimatorChoice& choice, const WeightedRows& target,
                                         const WeightedRows& production) {
  std::vector<Terms> terms = terms_of(choice, target);
  const std::vector<Terms> others = terms_of(choice, production);
  for (std::size_t i = 0; i < terms.size(); ++i) terms[i] = {terms[i][0] - others[i][0], 0, 0};
  return terms;
}

std::variant<FunctionalAccumulator, RatioDifference> sums_for(const EstimatorChoice& choice) {
  const Shape shape = functional_of(choice).shape;
  if (shape == Shape::kRatio) return RatioDifference(choice);
  return FunctionalAccumulator(own_functional(choice).value_or(Functional{Shape::kMean}),
                               entry_of(choice.kind).name, difference_intervals(choice));
}

}  // namespace

std::vector<Terms> difference_terms(const WeightedRows& target, const WeightedRows& production) {
  LOOPLINE_CHECK(target.size() == production.size(), "both policies weigh the same rows");
  std::vector<Terms> terms(target.size());
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const double w = target.weight[i] - production.weight[i];
    terms[i] = {target.reward[i], w * target.reward[i], w};
  }
  return terms;
}

DifferenceAccumulator::DifferenceAccumulator()
    : terms_(kDifferenceFunctional, "difference", kForDifferences) {}

void DifferenceAccumulator::add(const WeightedRows& target, const WeightedRows& production) {
  check_rows(target);
  check_rows(production);
  terms_.add(target, difference_terms(target, production));
}

void RatioDifference::add(const WeightedRows& target, const WeightedRows& production) {
  const std::vector<Terms> t = terms_of(choice_, target);
  const std::vector<Terms> p = terms_of(choice_, production);
  std::vector<TermsOf<kPairTerms>> terms(t.size());
  for (std::size_t i = 0; i < terms.size(); ++i) {
    terms[i] = {t[i][kPlain] - p[i][kPlain], t[i][kProduct], t[i][kControl], p[i][kProduct],
                p[i][kControl]};
  }
  sample_.add(target, terms);
}

Estimate RatioDifference::finish() const {
  const MomentsOf<kPairTerms> all = sample_.all();
  Estimate estimate{.name = entry_of(choice_.kind).name,
                    .intervals = difference_intervals(choice_),
                    .rows = all.count(),
                    .units = sample_.units(),
                    .clustered = sample_.clustered()};
  if (estimate.rows == 0) throw failure("log", "it has no rows: nothing can be compared");
  const double t = all.mean(1) / all.mean(2);
  const double p = all.mean(3) / all.mean(4);
  estimate.value = all.mean(0) + t - p;
  if (!std::isfinite(estimate.value)) {
    estimate.value = std::numeric_limits<double>::quiet_NaN();
    estimate.standard_error = std::numeric_limits<double>::infinity();
    estimate.notes = {"undefined: the weights of a policy sum to 0"};
    return estimate;
  }
  const LinearFormOf<kPairTerms> form = {
      .constant = t - p,
      .factor = {1, 1 / all.mean(2), -t / all.mean(2), -1 / all.mean(4), p / all.mean(4)}};
  estimate.standard_error = std::sqrt(sample_.squared_error({&form, 1}));
  return estimate;
}

PairedDifference::PairedDifference(const EstimatorChoice& choice)
    : choice_((check_choice(choice), choice)), sums_(sums_for(choice)) {}

void PairedDifference::add(const WeightedRows& target, const WeightedRows& production) {
  LOOPLINE_CHECK(target.size() == production.size(), "both policies weigh the same rows");
  check_rows(target);
  check_rows(production);
  if (auto* ratio = std::get_if<RatioDifference>(&sums_)) {
    ratio->add(target, production);
    return;
  }
  std::get<FunctionalAccumulator>(sums_).add(
      target, own_functional(choice_) ? difference_terms(target, production)
                                      : mean_difference_terms(choice_, target, production));
}

void PairedDifference::merge(const PairedDifference& other) {
  if (auto* ratio = std::get_if<RatioDifference>(&sums_)) {
    ratio->merge(std::get<RatioDifference>(other.sums_));
  } else {
    std::get<FunctionalAccumulator>(sums_).merge(std::get<FunctionalAccumulator>(other.sums_));
  }
}

Estimate PairedDifference::finish() const {
  Estimate estimate = std::visit([](const auto& sums) { return sums.finish(); }, sums_);
  if (!entry_of(choice_.kind).unbiased) estimate.notes.emplace_back(kBiasNote);
  return estimate;
}

std::optional<Functional> own_functional(const EstimatorChoice& choice) {
  const Functional functional = functional_of(choice);
  if (functional.shape == Shape::kBaseline) return kDifferenceFunctional;
  if (functional.shape == Shape::kCrossFitted) {
    return Functional{Shape::kDifference, functional.folds};
  }
  return std::nullopt;
}

std::span<const IntervalKind> difference_intervals(const EstimatorChoice& choice) {
  if (functional_of(choice).shape == Shape::kMean) return kForMeanDifferences;
  return kForDifferences;
}

}  // namespace loopline::bandit
