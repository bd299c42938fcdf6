#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "loopline/bandit/log_survey.h"

namespace loopline::bandit {

/// What a linear reward model sees of a row and an action: a group, which has coefficients of its
/// own, and the same number of features in each.
///
/// | log | groups | features |
/// | --- | --- | --- |
/// | no context, per action | action x position | 1 |
/// | context, per action | action | 1, context, position one-hot |
/// | shared | one | 1, context, position one-hot, action one-hot |
/// | action sets | one | 1, context, position one-hot, features of the action |
///
/// Numeric columns are centred and scaled to variance 1 over the log, so that one l2 fits them all;
/// one-hot ones stay as they are.
class RewardDesign {
 public:
  /// `encoding` is the reader's.
  RewardDesign(const LogSurvey& survey, const LogEncoding& encoding, bool is_shared);

  std::size_t groups() const { return groups_; }
  std::size_t width() const { return width_; }  ///< features

  /// Actions of a row: those of its set, or all.
  std::size_t actions_of(const LogBlock& block, std::size_t row) const;
  std::size_t group_of(const LogBlock& block, std::size_t row, std::size_t action) const;
  void fill(const LogBlock& block, std::size_t row, std::size_t action,
            std::span<double> features) const;

  /// features . coefficients of all actions of a row. `coefficients`: groups x width.
  void scores(const LogBlock& block, std::size_t row, std::span<const double> coefficients,
              std::vector<double>& scores) const;

 private:
  struct Scale {
    double shift = 0, factor = 1;
  };
  enum class Kind { kCells, kPerAction, kShared, kSets };

  static std::vector<Scale> scales_of(const FeatureEncoding& encoding, const ColumnMoments& log);
  std::size_t place_of(const LogBlock& block, std::size_t row) const;
  void fill_common(const LogBlock& block, std::size_t row, std::span<double> features) const;

  Kind kind_;
  std::size_t actions_, groups_ = 1, width_ = 1;
  std::size_t common_ = 1;  ///< features before those of the action
  std::vector<std::int64_t> positions_;
  std::vector<Scale> context_, set_;
};

}  // namespace loopline::bandit
