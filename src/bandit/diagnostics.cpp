#include "loopline/bandit/diagnostics.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "loopline/core/error.h"

namespace loopline::bandit {
namespace {

// Rounding of a mean of weights that are all 1.
constexpr double kRoundingOfWeights = 1e-9;

template <class... Parts>
std::string sentence(const Parts&... parts) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text.precision(4);
  (text << ... << parts);
  return text.str();
}

bool is_off(const Diagnostics& d, double errors) {
  return std::abs(d.mean_weight - 1) > errors * d.mean_weight_error + kRoundingOfWeights;
}

std::string off_sentence(const Diagnostics& d, double errors) {
  return sentence("the mean weight ", d.mean_weight, " is more than ", errors, " standard errors (",
                  d.mean_weight_error,
                  ") from 1: wrong propensities, or actions that were never logged");
}

std::string share_sentence(const Diagnostics& d) {
  return sentence("one row (weight ", d.largest_weight, ") holds ", 100 * d.largest_share,
                  " % of all weight");
}

std::vector<std::string> unusable_reasons(const Diagnostics& d, const VerdictThresholds& limits) {
  std::vector<std::string> reasons;
  if (d.effective_rows < limits.unusable_effective_rows) {
    reasons.push_back(sentence("the weights are worth ", d.effective_rows, " of ", d.rows,
                               " rows; at least ", limits.unusable_effective_rows, " are needed"));
  }
  if (d.largest_share > limits.unusable_largest_share) reasons.push_back(share_sentence(d));
  if (is_off(d, limits.unusable_weight_errors)) {
    reasons.push_back(off_sentence(d, limits.unusable_weight_errors));
  }
  return reasons;
}

std::vector<std::string> doubtful_reasons(const Diagnostics& d, const VerdictThresholds& limits) {
  std::vector<std::string> reasons;
  if (d.effective_rows < limits.doubtful_effective_share * d.rows) {
    reasons.push_back(sentence("the weights are worth ", d.effective_rows, " of ", d.rows,
                               " rows, less than ", 100 * limits.doubtful_effective_share, " %"));
  }
  if (d.largest_share > limits.doubtful_largest_share) reasons.push_back(share_sentence(d));
  if (is_off(d, limits.doubtful_weight_errors)) {
    reasons.push_back(off_sentence(d, limits.doubtful_weight_errors));
  }
  if (d.rewarded_rows < limits.doubtful_rewarded_rows) {
    reasons.push_back(sentence("only ", d.rewarded_rows, " rows with weight have a reward"));
  }
  return reasons;
}

}  // namespace

void DiagnosticsAccumulator::add(const WeightedRows& rows) {
  check_rows(rows);
  std::vector<Terms> terms(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double w = rows.weight[i];
    terms[i] = {rows.reward[i], 0, w};
    largest_weight_ = std::max(largest_weight_, w);
    largest_departure_ = std::max(largest_departure_, std::abs(w - 1));
    if (clip_ && w > *clip_) clipped_ += rows.count(i);
    if (w > 0 && rows.reward[i] != 0) rewarded_ += rows.count(i);
  }
  sample_.add(rows, terms);
}

void DiagnosticsAccumulator::merge(const DiagnosticsAccumulator& other) {
  LOOPLINE_CHECK(clip_ == other.clip_, "diagnostics to merge clip alike");
  sample_.merge(other.sample_);
  largest_weight_ = std::max(largest_weight_, other.largest_weight_);
  largest_departure_ = std::max(largest_departure_, other.largest_departure_);
  clipped_ += other.clipped_;
  rewarded_ += other.rewarded_;
}

Diagnostics DiagnosticsAccumulator::finish() const {
  const WeightedMoments moments = sample_.all();
  const double n = moments.count();
  if (n == 0) throw failure("log", "it has no rows: there is nothing to judge");
  const double mean = moments.mean(kControl);
  const double square = moments.variance(kControl) + mean * mean;
  const LinearForm weight{.factor = {0, 0, 1}};
  return {.rows = n,
          .units = sample_.units(),
          .effective_rows = square > 0 ? n * (mean * mean / square) : 0,
          .largest_weight = largest_weight_,
          .mean_weight = mean,
          .mean_weight_error = std::sqrt(sample_.squared_error({&weight, 1})),
          .clipped_share = clipped_ / n,
          .largest_share = mean > 0 ? largest_weight_ / mean / n : 0,
          .rewarded_rows = rewarded_,
          .mean_reward = moments.mean(kPlain),
          .largest_departure = largest_departure_};
}

std::string_view name_of(VerdictLevel level) {
  switch (level) {
    case VerdictLevel::kUsable:
      return "usable";
    case VerdictLevel::kDoubtful:
      return "doubtful";
    case VerdictLevel::kUnusable:
      return "unusable";
  }
  LOOPLINE_CHECK(false, "unknown verdict");
}

Verdict judge(const Diagnostics& diagnostics, const VerdictThresholds& thresholds) {
  Verdict verdict{VerdictLevel::kUnusable, unusable_reasons(diagnostics, thresholds)};
  if (verdict.reasons.empty()) {
    verdict = {VerdictLevel::kDoubtful, doubtful_reasons(diagnostics, thresholds)};
  }
  if (verdict.reasons.empty()) verdict.level = VerdictLevel::kUsable;
  return verdict;
}

}  // namespace loopline::bandit
