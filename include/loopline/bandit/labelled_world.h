#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "loopline/bandit/log_config.h"
#include "loopline/bandit/policy.h"
#include "loopline/bandit/softmax_fit.h"
#include "loopline/bandit/world.h"

namespace loopline::bandit {

/// Labelled data as numbers.
struct LabelledData {
  FeatureEncoding encoding;  ///< of the features
  std::size_t features = 0, actions = 0;
  std::vector<double> context;       ///< numeric columns have mean 0 and variance 1
  std::vector<std::int64_t> label;   ///< in the order in which the labels first appear
  std::vector<std::string> classes;  ///< their texts

  std::size_t size() const { return label.size(); }
};

/// Reads CSV files: `features` (patterns) are encoded as a log's context is, `categorical` as
/// there. Errors (exit 2): those of LogReader; fewer than two labels.
LabelledData read_labelled(const std::vector<std::string>& files, const std::string& label,
                           const std::vector<std::string>& features,
                           const std::vector<std::string>& categorical);

struct LabelledConfig {
  double logging_share = 0.05;  ///< of the rows, whose labels the logging policy is fitted to
  double target_share = 0.3;    ///< of the rows, others, whose labels the target is fitted to
  double l2 = 1;                ///< of both fits
};

/// Classification as a bandit (Beygelzimer & Langford 2009): actions are labels, r = 1 where the
/// action is the row's label. The rows are split at random, by the seed: one share fits the
/// classifier p(a | x) of the logging policy, another one the target, and the rest are the
/// population that contexts are drawn from, with replacement, so that the truth is exact. The
/// logging policy is softmax(temperature p(. | x)): that of SyntheticWorld with a guess of q.
class LabelledWorld : public World {
 public:
  /// Shares that leave no row for one of the three are an Error (exit 2).
  LabelledWorld(std::shared_ptr<const LabelledData> data, const LabelledConfig& config,
                double temperature, WorldKey key);

  std::size_t actions() const override { return data_->actions; }
  const LogEncoding& encoding() const override { return encoding_; }
  WorldKey key() const override { return key_; }
  void fill(std::int64_t first, std::size_t count, WorldRows& rows) const override;
  void visit_truth(std::int64_t fresh,
                   const std::function<void(const WorldRows& rows)>& use) const override;

  /// The classifier of the target's share.
  SoftmaxFit target() const { return fit(target_rows_); }

  /// The value of a policy: the mean over the population of its probability of the label.
  double value_of(const Policy& policy) const;

  const std::vector<std::int64_t>& population() const { return population_; }  ///< rows of the data

 private:
  SoftmaxFit fit(const std::vector<std::int64_t>& rows) const;
  /// All that is true of rows of the data.
  void describe_rows(std::span<const std::int64_t> sources, WorldRows& rows) const;

  std::shared_ptr<const LabelledData> data_;
  LabelledConfig config_;
  double temperature_;
  WorldKey key_;
  LogEncoding encoding_;
  std::vector<std::int64_t> target_rows_, population_;
  SoftmaxFit logging_;
};

}  // namespace loopline::bandit
