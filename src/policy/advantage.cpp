#include "loopline/policy/advantage.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "loopline/core/error.h"

namespace loopline::policy {
namespace {

constexpr double kStdDelta = 1e-6;

struct Spread {
  double mean = 0;
  double std = 0;  // of the population
};

// Around the first value: equal values have exactly their mean and a std of exactly 0.
template <typename Range>
Spread spread_of(const Range& values) {
  const double origin = *values.begin();
  const double n = static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += value - origin;
  const double shift = sum / n;
  double squares = 0;
  for (const double value : values) {
    const double centred = (value - origin) - shift;
    squares += centred * centred;
  }
  return {origin + shift, std::sqrt(squares / n)};
}

// Mean of the other rewards of a group, for each of them; around the first, as above.
std::vector<double> means_of_others(std::span<const double> group) {
  double sum = 0;
  for (const double value : group) sum += value - group[0];
  std::vector<double> means;
  for (const double value : group) {
    means.push_back(group[0] + (sum - (value - group[0])) / static_cast<double>(group.size() - 1));
  }
  return means;
}

// What one group's baseline and scale may use.
struct Context {
  std::span<const double> group;
  Spread own;     // of the group
  Spread batch;   // of the whole iteration
  Spread buffer;  // of the prompt's history, or the batch's while that is short
  double past_mean = 0;
};

std::vector<double> baselines(Baseline baseline, const Context& context) {
  const auto all = [&](double value) { return std::vector(context.group.size(), value); };
  switch (baseline) {
    case Baseline::kNone:
      return all(0);
    case Baseline::kBatchMean:
      return all(context.batch.mean);
    case Baseline::kGroupMean:
      return all(context.own.mean);
    case Baseline::kLeaveOneOut:
      return means_of_others(context.group);
    case Baseline::kRunningMean:
      return all(context.past_mean);
    case Baseline::kPromptBuffer:
      return all(context.buffer.mean);
  }
  LOOPLINE_CHECK(false, "a baseline without a formula");
  return {};
}

// What advantages are multiplied by. Rewards without any spread say nothing about what is better:
// 0, where 1 / delta would make a million of a constant offset.
double factor(Scale scale, const Context& context) {
  const auto inverse = [](double std) { return std == 0 ? 0 : 1 / (std + kStdDelta); };
  switch (scale) {
    case Scale::kNone:
      return 1;
    case Scale::kGroupStd:
      return inverse(context.own.std);
    case Scale::kBatchStd:
      return inverse(context.batch.std);
    case Scale::kBufferStd:
      return inverse(context.buffer.std);
  }
  LOOPLINE_CHECK(false, "a scale without a formula");
  return 0;
}

std::vector<double> advantages_of_group(const AdvantageOptions& options, const Context& context) {
  const std::vector<double> baseline = baselines(options.baseline, context);
  const double scale = factor(options.scale, context);
  std::vector<double> advantages;
  for (std::size_t i = 0; i < context.group.size(); ++i) {
    const double value = (context.group[i] - baseline[i]) * scale;
    advantages.push_back(options.clamp ? std::clamp(value, -*options.clamp, *options.clamp)
                                       : value);
  }
  return advantages;
}

bool is_valid(const RewardBatch& batch, std::size_t sample) {
  return batch.valid.empty() || batch.valid[sample];
}

// The valid rewards among `count` samples from `begin` on, in order.
std::vector<double> valid_rewards(const RewardBatch& batch, std::size_t begin, std::size_t count) {
  std::vector<double> rewards;
  for (std::size_t i = begin; i < begin + count; ++i) {
    if (is_valid(batch, i)) rewards.push_back(batch.reward[i]);
  }
  return rewards;
}

[[noreturn]] void refuse_state(const std::string& what) {
  throw failure("advantage state", what, "the checkpoint is damaged or from another version");
}

double finite_number(const nlohmann::json& value, const std::string& name) {
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    refuse_state("'" + name + "' is not a finite number");
  }
  return value.get<double>();
}

}  // namespace

AdvantageEstimator::AdvantageEstimator(const AdvantageOptions& options, std::int64_t group_size)
    : options_(options), group_size_(group_size) {
  LOOPLINE_CHECK(group_size >= 1, "a group has samples");
  const std::string todo = "raise group_size to 2 or more, or choose another ";
  if (group_size == 1 && options.baseline == Baseline::kLeaveOneOut) {
    throw Error("baseline",
                "leave_one_out is the mean of a group's other samples, and with "
                "group_size 1 there are none",
                todo + "baseline (running_mean, prompt_buffer)");
  }
  if (group_size == 1 && options.baseline == Baseline::kGroupMean) {
    throw Error("baseline",
                "group_mean of one sample is its own reward, so with group_size 1 every "
                "advantage is 0",
                todo + "baseline (running_mean, prompt_buffer)");
  }
  if (group_size == 1 && options.scale == Scale::kGroupStd) {
    throw Error("scale", "group_std of one sample is 0: it needs a group_size of 2 or more",
                todo + "scale (batch_std, buffer_std, none)");
  }
  if (keeps_history() && (options.buffer_min_count < 1 || options.buffer_size < 1 ||
                          options.buffer_min_count > options.buffer_size)) {
    throw Error("buffer_min_count",
                "a prompt's buffer keeps " + std::to_string(options.buffer_size) +
                    " rewards and never reaches " + std::to_string(options.buffer_min_count),
                "choose 1 <= buffer_min_count <= buffer_size");
  }
}

bool AdvantageEstimator::keeps_history() const {
  return options_.baseline == Baseline::kPromptBuffer || options_.scale == Scale::kBufferStd;
}

bool AdvantageEstimator::needs_group() const {
  return options_.baseline == Baseline::kLeaveOneOut || options_.baseline == Baseline::kGroupMean ||
         options_.scale == Scale::kGroupStd;
}

void AdvantageEstimator::remember(const RewardBatch& batch) {
  for (std::size_t i = 0; i < batch.reward.size(); ++i) {
    if (!is_valid(batch, i)) continue;
    std::deque<double>& past = history_[batch.group_prompt[i / group_size_]];
    past.push_back(batch.reward[i]);
    if (past.size() > static_cast<std::size_t>(options_.buffer_size)) past.pop_front();
  }
}

Advantages AdvantageEstimator::estimate(const RewardBatch& batch) {
  const std::size_t k = static_cast<std::size_t>(group_size_);
  const std::size_t samples = batch.reward.size();
  LOOPLINE_CHECK(batch.group_size == group_size_, "the estimator's group size");
  LOOPLINE_CHECK(samples > 0 && samples % k == 0, "whole groups of rewards");
  LOOPLINE_CHECK(batch.group_prompt.size() == samples / k, "one prompt key a group");
  LOOPLINE_CHECK(batch.valid.empty() || batch.valid.size() == samples, "one mark a sample");
  const std::vector<double> rewards = valid_rewards(batch, 0, samples);
  LOOPLINE_CHECK(std::ranges::all_of(rewards, [](double r) { return std::isfinite(r); }),
                 "finite rewards");
  Advantages result{.value = std::vector<double>(samples, 0),
                    .informative = std::vector<bool>(samples, false),
                    .invalid = static_cast<std::int64_t>(samples - rewards.size())};
  if (rewards.empty()) return result;

  Context context;
  context.batch = spread_of(rewards);
  context.past_mean = running_mean_.value_or(context.batch.mean);
  if (options_.baseline == Baseline::kRunningMean) {
    const double decay = options_.running_mean_decay;
    running_mean_ = running_mean_ ? decay * *running_mean_ + (1 - decay) * context.batch.mean
                                  : context.batch.mean;
  }
  if (keeps_history()) remember(batch);

  for (std::size_t g = 0; g < samples / k; ++g) {
    const std::vector<double> group = valid_rewards(batch, g * k, k);
    if (group.empty() || (group.size() == 1 && needs_group())) continue;
    context.group = group;
    context.own = spread_of(group);
    const bool all_equal = group.size() > 1 && context.own.std == 0;
    if (all_equal) ++result.zero_variance_groups;
    context.buffer = context.batch;
    if (keeps_history()) {
      const std::deque<double>& past = history_.at(batch.group_prompt[g]);
      if (past.size() >= static_cast<std::size_t>(options_.buffer_min_count)) {
        context.buffer = spread_of(past);
        ++result.buffered_groups;
      }
    }
    const std::vector<double> advantage = advantages_of_group(options_, context);
    for (std::size_t i = g * k, next = 0; i < (g + 1) * k; ++i) {
      if (!is_valid(batch, i)) continue;
      result.value[i] = advantage[next++];
      result.informative[i] = !all_equal;
    }
  }
  return result;
}

nlohmann::json AdvantageEstimator::state() const {
  nlohmann::json state;
  state["running_mean"] = nullptr;
  if (running_mean_) state["running_mean"] = *running_mean_;
  state["history"] = nlohmann::json::object();
  for (const auto& [prompt, rewards] : history_) state["history"][prompt] = rewards;
  return state;
}

void AdvantageEstimator::load_state(const nlohmann::json& state) {
  if (!state.is_object() || !state.contains("running_mean") || !state.contains("history")) {
    refuse_state("'running_mean' or 'history' is missing");
  }
  const nlohmann::json& mean = state["running_mean"];
  const nlohmann::json& history = state["history"];
  if (!history.is_object()) refuse_state("'history' is not an object");
  std::map<std::string, std::deque<double>> loaded;
  for (const auto& [prompt, rewards] : history.items()) {
    if (!rewards.is_array()) refuse_state("the history of '" + prompt + "' is not a list");
    std::deque<double>& past = loaded[prompt];
    for (const nlohmann::json& reward : rewards) past.push_back(finite_number(reward, prompt));
    while (past.size() > static_cast<std::size_t>(options_.buffer_size)) past.pop_front();
  }
  std::optional<double> loaded_mean;
  if (!mean.is_null()) loaded_mean = finite_number(mean, "running_mean");
  running_mean_ = loaded_mean;
  history_ = std::move(loaded);
}

}  // namespace loopline::policy
