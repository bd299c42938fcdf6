#include "learning_log.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "gather_rows.h"
#include "loopline/core/error.h"
#include "loopline/core/interrupt.h"
#include "loopline/core/random.h"

namespace loopline::bandit_learning {
namespace {

template <class Value>
void append_all(std::vector<Value>& all, const std::vector<Value>& part) {
  all.insert(all.end(), part.begin(), part.end());
}

at::Tensor column_of(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

/// W (x - shift) factor + b as a layer of x alone, W' x + b'.
bandit::HiddenLayer unscaled(const SoftmaxNetwork::Layer& layer, const std::vector<double>& shift,
                             const std::vector<double>& factor) {
  const at::Tensor weight = layer.weight * column_of(factor);
  bandit::HiddenLayer result;
  result.width = static_cast<std::size_t>(weight.size(0));
  const auto copied = [](const at::Tensor& t) {
    const at::Tensor own = t.contiguous();
    return std::vector<double>(own.data_ptr<double>(), own.data_ptr<double>() + own.numel());
  };
  result.weight = copied(weight);
  if (layer.bias.defined()) result.bias = copied(layer.bias - at::mv(weight, column_of(shift)));
  return result;
}

}  // namespace

LearningLog::LearningLog(const LearnConfig& config) : config_(config) {
  bandit::LogReader whole(config.log);
  shares_ = bandit::logger_shares(whole);
  encoding_ = bandit::learn_encoding(config.log);
  if (encoding_.context.width() == 0) {
    throw Error("log.context", "a policy is learned from a context, and none is named",
                "name the columns of the log that the policy may look at");
  }
  const int folds = config.model.kind == "none" ? 1 : static_cast<int>(config.model.folds);
  bandit::LogReader reader = open(Part::kFit);
  survey_ = bandit::survey_log(reader, folds, 1);
  if (survey_.rows == 0) {
    throw Error("holdout", "leaves no row to learn from", "lower it, or log more");
  }
  if (survey_.has_sets) {
    throw Error(config.log.files.front(),
                "has another set of actions in every row, and a softmax policy a fixed one",
                "learn from a log whose actions are numbered alike in all rows");
  }
  actions_ = survey_.actions;  // of the whole log: the reader passes over the other rows
  action_names_ = reader.action_names();
  learn_scale(survey_.context);
  fingerprint_ = bandit::log_fingerprint(config.log, encoding_);
}

Part LearningLog::part_of(std::int64_t unit) const {
  const auto name = static_cast<std::uint64_t>(unit);
  const std::uint32_t word = philox({.seed = static_cast<std::uint64_t>(config_.seed),
                                     .stream = Stream::kHoldout,
                                     .step = static_cast<std::uint32_t>(name >> 32)},
                                    static_cast<std::uint32_t>(name))[0];
  const double share = word / 4294967296.0;
  if (share >= config_.holdout) return Part::kFit;
  return share < config_.holdout / 2 ? Part::kChoose : Part::kJudge;
}

bandit::LogReader LearningLog::open(Part part) const {
  bandit::ReadOptions options;
  options.logger_shares = shares_;
  options.keep = [this, part](std::int64_t unit) { return part_of(unit) == part; };
  return bandit::LogReader(config_.log, encoding_, std::move(options));
}

void LearningLog::learn_scale(const bandit::ColumnMoments& moments) {
  const std::size_t width = encoding_.context.width();
  shift_.assign(width, 0);
  factor_.assign(width, 1);
  if (!config_.policy.standardize) return;
  const auto& columns = encoding_.context.columns();
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (columns[k].categorical) continue;
    const std::size_t j = encoding_.context.first(k);
    if (config_.policy.bias) shift_[j] = moments.mean[j];
    factor_[j] = 1 / moments.deviation(j);
  }
}

at::Tensor LearningLog::scaled(at::Tensor features) const {
  return features.sub_(column_of(shift_)).mul_(column_of(factor_));
}

LearningRows LearningLog::fit_rows() const {
  std::optional<bandit::RewardModel> model;
  if (config_.model.kind != "none") {
    bandit::LogSurvey survey = survey_;
    model = bandit::fit_reward_model(
        config_.model, [this] { return open(Part::kFit); }, survey);
  }
  LearningRows rows = gather_rows(open(Part::kFit), model ? &*model : nullptr, actions_);
  rows.features = scaled(rows.features);
  return rows;
}

LearningLog::HeldOut LearningLog::held_out(Part part) const {
  bandit::LogBlock all;
  bandit::LogReader reader = open(part);
  while (std::optional<bandit::LogBlock> block = reader.next()) {
    if (interrupted()) throw stopped("the log");
    append_all(all.action, block->action);
    append_all(all.reward, block->reward);
    append_all(all.propensity, block->propensity);
    append_all(all.context, block->context);
    append_all(all.multiplicity, block->multiplicity);
    append_all(all.cluster, block->cluster);
  }
  if (all.reward.empty()) {
    throw Error("holdout", "leaves no row to judge by", "raise it, or log more");
  }
  HeldOut held;
  const auto width = static_cast<std::int64_t>(shift_.size());
  held.rows = {scaled(column_of(all.context).view({-1, width})), at::tensor(all.action, at::kLong),
               column_of(all.reward), column_of(all.propensity)};
  held.weighed.reward = std::move(all.reward);
  held.weighed.multiplicity = std::move(all.multiplicity);
  held.weighed.cluster = std::move(all.cluster);
  return held;
}

bandit::SoftmaxPolicyData LearningLog::policy_of(const SoftmaxNetwork& network) const {
  bandit::SoftmaxPolicyData policy;
  policy.encoding = encoding_;
  policy.action_names = action_names_;
  policy.trained_on = bandit::log_marks(config_.log, encoding_);
  for (std::size_t k = 0; k < network.layers().size(); ++k) {
    const SoftmaxNetwork::Layer& layer = network.layers()[k];
    const auto inputs = static_cast<std::size_t>(layer.weight.size(1));
    bandit::HiddenLayer plain =
        k == 0 ? unscaled(layer, shift_, factor_)
               : unscaled(layer, std::vector<double>(inputs, 0), std::vector<double>(inputs, 1));
    if (k + 1 < network.layers().size()) {
      policy.hidden.push_back(std::move(plain));
    } else {
      policy.weight = std::move(plain.weight);
      policy.bias = std::move(plain.bias);
    }
  }
  return policy;
}

NetworkShape LearningLog::shape() const {
  return {static_cast<std::int64_t>(shift_.size()), config_.policy.hidden, actions_,
          config_.policy.bias};
}

}  // namespace loopline::bandit_learning
