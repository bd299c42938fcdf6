#include "loopline/bandit/reward_design.h"

#include <algorithm>

#include "loopline/core/error.h"
#include "policy_rows.h"

namespace loopline::bandit {

RewardDesign::RewardDesign(const LogSurvey& survey, const LogEncoding& encoding, bool is_shared)
    : actions_(static_cast<std::size_t>(survey.actions)),
      positions_(survey.positions),
      context_(scales_of(encoding.context, survey.context)),
      set_(scales_of(encoding.action, survey.set_features)) {
  const std::size_t places = std::max<std::size_t>(1, positions_.size());
  kind_ = survey.has_sets                      ? Kind::kSets
          : is_shared                          ? Kind::kShared
          : encoding.context.columns().empty() ? Kind::kCells
                                               : Kind::kPerAction;
  if (kind_ == Kind::kCells) {
    groups_ = actions_ * places;
    return;
  }
  common_ = 1 + context_.size() + positions_.size();
  width_ = common_;
  if (kind_ == Kind::kPerAction) groups_ = actions_;
  if (kind_ == Kind::kShared) width_ += actions_;
  if (kind_ == Kind::kSets) width_ += set_.size();
}

std::vector<RewardDesign::Scale> RewardDesign::scales_of(const FeatureEncoding& encoding,
                                                         const ColumnMoments& log) {
  std::vector<Scale> scales(encoding.width());
  if (log.count == 0) return scales;
  for (std::size_t c = 0; c < encoding.columns().size(); ++c) {
    if (encoding.columns()[c].categorical) continue;
    const std::size_t j = encoding.first(c);
    scales[j] = {log.mean[j], 1 / log.deviation(j)};
  }
  return scales;
}

std::size_t RewardDesign::actions_of(const LogBlock& block, std::size_t row) const {
  return choices_of_row(block, row, actions_);
}

/// Index of the row's position; all positions are known, as the survey has read the same rows.
std::size_t RewardDesign::place_of(const LogBlock& block, std::size_t row) const {
  if (positions_.empty()) return 0;
  const auto found = std::lower_bound(positions_.begin(), positions_.end(), block.position[row]);
  LOOPLINE_CHECK(found != positions_.end() && *found == block.position[row],
                 "a model is asked about the log that was surveyed");
  return static_cast<std::size_t>(found - positions_.begin());
}

std::size_t RewardDesign::group_of(const LogBlock& block, std::size_t row,
                                   std::size_t action) const {
  if (kind_ == Kind::kCells) return place_of(block, row) * actions_ + action;
  return kind_ == Kind::kPerAction ? action : 0;
}

void RewardDesign::fill_common(const LogBlock& block, std::size_t row,
                               std::span<double> features) const {
  features[0] = 1;
  if (kind_ == Kind::kCells) return;
  const double* x = block.context.data() + row * block.features;
  for (std::size_t j = 0; j < context_.size(); ++j) {
    features[1 + j] = (x[j] - context_[j].shift) * context_[j].factor;
  }
  const auto places = features.subspan(1 + context_.size(), positions_.size());
  std::fill(places.begin(), places.end(), 0.0);
  if (!positions_.empty()) places[place_of(block, row)] = 1;
}

void RewardDesign::fill(const LogBlock& block, std::size_t row, std::size_t action,
                        std::span<double> features) const {
  fill_common(block, row, features);
  const auto own = features.subspan(common_);
  if (kind_ == Kind::kShared) {
    std::fill(own.begin(), own.end(), 0.0);
    own[action] = 1;
  } else if (kind_ == Kind::kSets) {
    const double* z = block.sets.feature.data() + (block.sets.offset[row] + action) * set_.size();
    for (std::size_t j = 0; j < set_.size(); ++j) own[j] = (z[j] - set_[j].shift) * set_[j].factor;
  }
}

void RewardDesign::scores(const LogBlock& block, std::size_t row,
                          std::span<const double> coefficients, std::vector<double>& scores) const {
  std::vector<double> common(common_);
  fill_common(block, row, common);
  scores.resize(actions_of(block, row));
  double shared = 0;
  for (std::size_t a = 0; a < scores.size(); ++a) {
    const auto group = coefficients.subspan(group_of(block, row, a) * width_, width_);
    if (a == 0 || kind_ == Kind::kCells || kind_ == Kind::kPerAction) {
      shared = 0;
      for (std::size_t j = 0; j < common_; ++j) shared += common[j] * group[j];
    }
    scores[a] = shared;
    if (kind_ == Kind::kShared) scores[a] += group[common_ + a];
    if (kind_ != Kind::kSets) continue;
    const double* z = block.sets.feature.data() + (block.sets.offset[row] + a) * set_.size();
    for (std::size_t j = 0; j < set_.size(); ++j) {
      scores[a] += (z[j] - set_[j].shift) * set_[j].factor * group[common_ + j];
    }
  }
}

}  // namespace loopline::bandit
