#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace loopline::policy {

/// An advantage is (reward - baseline) / scale. The two axes and their formulas:
/// docs/algorithms.md.
enum class Baseline { kNone, kBatchMean, kGroupMean, kLeaveOneOut, kRunningMean, kPromptBuffer };
enum class Scale { kNone, kGroupStd, kBatchStd, kBufferStd };

struct AdvantageOptions {
  Baseline baseline = Baseline::kLeaveOneOut;
  Scale scale = Scale::kNone;
  std::optional<double> clamp{};       ///< |advantage| <= clamp, after scaling
  double running_mean_decay = 0.9;     ///< running_mean: weight of the past
  std::int64_t buffer_size = 32;       ///< prompt_buffer, buffer_std: rewards kept a prompt
  std::int64_t buffer_min_count = 16;  ///< below it a prompt uses the batch's statistics
};

/// Rewards of one iteration, grouped: sample i belongs to group i / group_size.
struct RewardBatch {
  std::span<const double> reward;         ///< [N]
  std::int64_t group_size = 1;            ///< K; N is a multiple of it
  std::vector<std::string> group_prompt;  ///< [N / K], a key of each group's prompt (its id)
  /// [N]: samples that the reward could judge; empty: all. The others are left out of every
  /// statistic and may hold any number, NaN too.
  std::vector<bool> valid{};
};

struct Advantages {
  std::vector<double> value;  ///< [N]; 0 for invalid samples
  /// [N]: false for invalid samples, for the only valid sample of a group where the baseline or the
  /// scale needs others, and for groups whose valid rewards are all equal (K > 1). The last have an
  /// advantage of 0 only under a group's baseline or std.
  std::vector<bool> informative;
  std::int64_t invalid = 0;               ///< samples
  std::int64_t zero_variance_groups = 0;  ///< groups of two or more equal valid rewards, no other
  /// Groups whose prompt's own history was used. 0 through a run with prompt_buffer means that it
  /// is plain batch normalisation: worth a line in the log.
  std::int64_t buffered_groups = 0;
};

/// Rewards to advantages; keeps the running mean and the prompts' histories between iterations.
/// fp64 on the host; not for use by several threads at once.
///
/// Std is the population's plus 1e-6. Where the rewards that a scale looks at are all equal, the
/// advantage is exactly 0, as it is in a group of equal rewards under a group baseline: no rounding
/// is left for a std to blow up. A group's only valid sample has nothing to be compared with: 0
/// under leave_one_out, group_mean and group_std.
class AdvantageEstimator {
 public:
  /// Errors with the reason: leave_one_out, group_mean or group_std with group_size 1; a buffer
  /// that never reaches buffer_min_count.
  AdvantageEstimator(const AdvantageOptions& options, std::int64_t group_size);

  /// running_mean starts with the first batch's mean and takes a batch in after using the past;
  /// prompt buffers take all rewards of the batch in before their statistics are used (as DDPO).
  /// Valid rewards must be finite; a batch without any changes nothing that is remembered.
  Advantages estimate(const RewardBatch& batch);

  /// For the checkpoint: everything `estimate` remembers, bit for bit, also through JSON text.
  nlohmann::json state() const;

  /// Replaces what is remembered, or changes nothing and throws an Error. Histories longer than
  /// buffer_size keep their newest rewards.
  void load_state(const nlohmann::json& state);

 private:
  bool keeps_history() const;
  bool needs_group() const;
  void remember(const RewardBatch& batch);

  AdvantageOptions options_;
  std::int64_t group_size_;
  std::optional<double> running_mean_;
  std::map<std::string, std::deque<double>> history_;
};

}  // namespace loopline::policy
