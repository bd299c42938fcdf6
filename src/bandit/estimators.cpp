#include "loopline/bandit/estimators.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "loopline/core/error.h"
#include "named_table.h"

namespace loopline::bandit {
namespace {

constexpr std::array kForMeans = {IntervalKind::kNormal, IntervalKind::kStudentT,
                                  IntervalKind::kBootstrap, IntervalKind::kBernstein};
constexpr std::array kForIps = {IntervalKind::kNormal, IntervalKind::kStudentT,
                                IntervalKind::kBootstrap, IntervalKind::kBernstein,
                                IntervalKind::kSequence};
constexpr std::array kForRatios = {IntervalKind::kDelta, IntervalKind::kBootstrap};

constexpr double kGreatestParameter = std::numeric_limits<double>::max();
constexpr double kLeastAboveZero = std::numeric_limits<double>::min();
constexpr ParameterEntry kNoParameter{};
constexpr ParameterEntry kParameterM{"M", kLeastAboveZero, kGreatestParameter, true};

constexpr std::array kEstimatorTable = {
    EstimatorEntry{Estimator::kDm, "dm", "mean sum_a pi(a|x) q(x,a)", "Dudik et al. 2011",
                   Shape::kMean, true, false, kNoParameter, kForMeans},
    EstimatorEntry{Estimator::kIps, "ips", "mean(w r)", "Horvitz & Thompson 1952", Shape::kMean,
                   false, true, kNoParameter, kForIps},
    EstimatorEntry{Estimator::kClippedIps, "clipped_ips", "mean(min(w, M) r)", "Ionides 2008",
                   Shape::kMean, false, false, kParameterM, kForMeans},
    EstimatorEntry{Estimator::kSnips, "snips", "sum(w r) / sum(w)", "Swaminathan & Joachims 2015",
                   Shape::kRatio, false, true, kNoParameter, kForRatios},
    EstimatorEntry{Estimator::kDr, "dr", "mean(w (r - q(x,a)) + sum_a pi(a|x) q(x,a))",
                   "Dudik et al. 2011", Shape::kMean, true, true, kNoParameter, kForMeans},
    EstimatorEntry{Estimator::kSndr, "sndr",
                   "sum(w (r - q(x,a))) / sum(w) + mean sum_a pi(a|x) q(x,a)",
                   "Robins et al. 2007; Thomas & Brunskill 2016", Shape::kRatio, true, true,
                   kNoParameter, kForRatios},
    EstimatorEntry{Estimator::kSwitchDr, "switch_dr",
                   "mean(w [w <= M] (r - q(x,a)) + sum_a pi(a|x) q(x,a))", "Wang et al. 2017",
                   Shape::kMean, true, false, kParameterM, kForMeans},
    EstimatorEntry{Estimator::kShrinkageDr, "shrinkage_dr",
                   "mean(M w / (w^2 + M) (r - q(x,a)) + sum_a pi(a|x) q(x,a))", "Su et al. 2020",
                   Shape::kMean, true, false, kParameterM, kForMeans},
    EstimatorEntry{Estimator::kSubGaussianIps, "sub_gaussian_ips",
                   "mean(w / (1 - lambda + lambda w) r)", "Metelli et al. 2021", Shape::kMean,
                   false, false, ParameterEntry{"lambda", 0, 1, true}, kForMeans},
    EstimatorEntry{Estimator::kBetaIps, "beta_ips",
                   "b + mean(w (r - b)), b given or Cov(w r, w) / Var(w)", "Gupta et al. 2024",
                   Shape::kBaseline, false, true,
                   ParameterEntry{"b", -kGreatestParameter, kGreatestParameter, false}, kForRatios},
    EstimatorEntry{Estimator::kBetaIpsCrossFitted, "beta_ips_cross_fitted",
                   "sum_k n_k/n [b_-k + mean_k(w r) - b_-k mean_k(w)], b_-k from other folds",
                   "Gupta et al. 2024; Chernozhukov et al. 2018", Shape::kCrossFitted, false, true,
                   kNoParameter, kForRatios},
};

bool has_fixed_baseline(const EstimatorChoice& choice) {
  return choice.kind == Estimator::kBetaIps && choice.parameter;
}

/// min(w, M), w [w <= M], ...: what stands in the place of w.
double shaped_weight(Estimator kind, double w, double parameter) {
  switch (kind) {
    case Estimator::kClippedIps:
      return std::min(w, parameter);
    case Estimator::kSwitchDr:
      return w <= parameter ? w : 0;
    case Estimator::kShrinkageDr:
      // M w / (w^2 + M) without a square that overflows.
      return w == 0 ? 0 : 1 / (w / parameter + 1 / w);
    case Estimator::kSubGaussianIps:
      return w == 0 ? 0 : w / (1 - parameter + parameter * w);
    default:
      return w;
  }
}

Terms row_terms(const EstimatorChoice& choice, Shape shape, const WeightedRows& rows,
                std::size_t i) {
  const double r = rows.reward[i];
  const double parameter = choice.parameter.value_or(0);
  const double w = shaped_weight(choice.kind, rows.weight[i], parameter);
  if (choice.kind == Estimator::kDm) return {rows.model_policy[i], 0, 0};
  if (has_fixed_baseline(choice)) return {parameter + w * (r - parameter), 0, 0};
  if (shape == Shape::kBaseline || shape == Shape::kCrossFitted) return {r, w * r, w};
  const bool has_model = entry_of(choice.kind).needs_model;
  const double rest = w * (has_model ? r - rows.model_logged[i] : r);
  const double modelled = has_model ? rows.model_policy[i] : 0;
  if (shape == Shape::kRatio) return {modelled, rest, w};
  return {rest + modelled, 0, 0};
}

}  // namespace

std::span<const EstimatorEntry> estimator_table() { return kEstimatorTable; }

const EstimatorEntry& entry_of(Estimator kind) { return entry_of(estimator_table(), kind); }

const EstimatorEntry& estimator_named(std::string_view name) {
  return entry_named(estimator_table(), "estimator", name);
}

void check_choice(const EstimatorChoice& choice) {
  const EstimatorEntry& entry = entry_of(choice.kind);
  const ParameterEntry& parameter = entry.parameter;
  const std::string where = "estimator '" + std::string(entry.name) + "'";
  if (choice.folds < 2) throw Error(where, "cross-fitting needs at least 2 folds");
  if (!choice.parameter) {
    if (!parameter.required) return;
    throw Error(where, "its parameter " + std::string(parameter.name) + " is missing",
                std::string(entry.formula));
  }
  if (parameter.name.empty()) throw Error(where, "it has no parameter");
  const double value = *choice.parameter;
  if (!(value >= parameter.lowest && value <= parameter.highest)) {
    throw Error(where, std::string(parameter.name) + " cannot be " + std::to_string(value),
                parameter.highest == 1 ? "choose one in [0, 1]"
                                       : "choose a finite number, for M one above 0");
  }
}

Functional functional_of(const EstimatorChoice& choice) {
  if (has_fixed_baseline(choice)) return {Shape::kMean};
  const Shape shape = entry_of(choice.kind).shape;
  return {shape, shape == Shape::kCrossFitted ? choice.folds : 1};
}

std::span<const IntervalKind> valid_intervals(const EstimatorChoice& choice) {
  if (has_fixed_baseline(choice)) return kForMeans;
  return entry_of(choice.kind).intervals;
}

void require_valid(std::string_view name, std::span<const IntervalKind> valid,
                   IntervalKind interval) {
  if (std::find(valid.begin(), valid.end(), interval) != valid.end()) return;
  throw Error(
      "interval '" + std::string(name_of(interval)) + "'",
      "it is not valid for " + std::string(name),
      "choose one of " + joined_names(valid, [](IntervalKind kind) { return name_of(kind); }));
}

std::vector<Terms> terms_of(const EstimatorChoice& choice, const WeightedRows& rows) {
  const EstimatorEntry& entry = entry_of(choice.kind);
  const bool has_model =
      !rows.model_policy.empty() && (choice.kind == Estimator::kDm || !rows.model_logged.empty());
  if (entry.needs_model && !has_model && rows.size() > 0) {
    throw Error("estimator '" + std::string(entry.name) + "'", "it needs a reward model",
                "name one, or choose an estimator without");
  }
  const Shape shape = functional_of(choice).shape;
  std::vector<Terms> terms(rows.size());
  for (std::size_t i = 0; i < terms.size(); ++i) terms[i] = row_terms(choice, shape, rows, i);
  return terms;
}

std::vector<Functional> functionals_of(std::span<const EstimatorChoice> choices) {
  std::vector<Functional> functionals;
  for (const EstimatorChoice& choice : choices) functionals.push_back(functional_of(choice));
  return functionals;
}

std::vector<std::vector<Terms>> terms_of(std::span<const EstimatorChoice> choices,
                                         const WeightedRows& rows) {
  std::vector<std::vector<Terms>> terms;
  for (const EstimatorChoice& choice : choices) terms.push_back(terms_of(choice, rows));
  return terms;
}

}  // namespace loopline::bandit
