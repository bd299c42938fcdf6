#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loopline/bandit/feature_encoding.h"
#include "loopline/bandit/log_config.h"
#include "loopline/bandit/policy.h"

namespace loopline::bandit {

/// A layer below the scores: max(0, W y + b).
struct HiddenLayer {
  std::size_t width = 0;
  std::vector<double> weight{};  ///< [width, inputs], row major
  std::vector<double> bias{};    ///< [width], or empty
};

/// A softmax policy over a fixed set of actions, pi(a | x) = softmax_a((W y + b)_a / T), with all
/// that it takes to ask it about another log. y is the context x (a linear policy), or what hidden
/// layers make of it.
///
/// On disk it is a safetensors file: `weight` [actions, width of y] and, where there is one, `bias`
/// [actions], `hidden.0.weight`, `hidden.0.bias`, ... alike, all F64; the metadata have `schema`
/// (kSoftmaxSchema, with hidden layers kHiddenSoftmaxSchema) and `policy`, a JSON object
/// {"temperature", "encoding", "action_names", "trained_on"}.
struct SoftmaxPolicyData {
  LogEncoding encoding{};                   ///< of the context; without features of actions
  std::vector<HiddenLayer> hidden{};        ///< the first one next to the context
  std::vector<double> weight{};             ///< row major, one row an action
  std::vector<double> bias{};               ///< one an action, or empty
  double temperature = 1;                   ///< T > 0
  std::vector<std::string> action_names{};  ///< empty: numbers
  std::vector<std::string> trained_on{};    ///< log_marks of the logs that it was fitted to

  std::size_t features() const { return encoding.context.width(); }
  std::size_t last_width() const { return hidden.empty() ? features() : hidden.back().width; }
  std::size_t actions() const { return last_width() == 0 ? 0 : weight.size() / last_width(); }
};

constexpr const char* kSoftmaxSchema = "loopline.bandit.policy/1";
constexpr const char* kHiddenSoftmaxSchema = "loopline.bandit.policy/2";

/// Writes atomically. Shapes that disagree, or numbers that are not finite, are broken invariants.
void write_softmax_policy(const std::filesystem::path& path, const SoftmaxPolicyData& policy);

/// Whatever is wrong with the file is an Error (exit 2) that names it.
SoftmaxPolicyData read_softmax_policy(const std::filesystem::path& path);

/// By what a log can be recognised, whatever it is called: log_fingerprint, that of a columns file
/// (which is that of the log it was written from), and hashes of its files.
std::vector<std::string> log_marks(const LogConfig& config, const LogEncoding& encoding);

/// What reads the features of several encodings at once: their columns, those of the first one
/// first, with the categories of all. One alone: itself.
FeatureEncoding joint_encoding(const std::vector<FeatureEncoding>& encodings);

class SoftmaxPolicy : public Policy {
 public:
  /// Blocks are encoded with the policy's own encoding.
  explicit SoftmaxPolicy(SoftmaxPolicyData data) : data_(std::move(data)) {}
  /// Blocks are encoded with `blocks`, which is joint with the policy's encoding.
  SoftmaxPolicy(SoftmaxPolicyData data, const FeatureEncoding& blocks);

 protected:
  void fill(const LogBlock& block, std::size_t row,
            std::vector<double>& probability) const override;

 private:
  SoftmaxPolicyData data_;
  /// The place in the policy's features of each of the block's, kNoPlace where it has none; empty:
  /// they are the same.
  std::vector<std::size_t> place_;
};

}  // namespace loopline::bandit
