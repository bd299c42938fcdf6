#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/bandit_learning/learn_config.h"
#include "loopline/run/progress.h"
#include "loopline/run/run_directory.h"

namespace loopline::bandit_learning {

/// `command` in the run.json of a learning run, by which it is told from others.
constexpr const char* kLearnCommand = "bandit learn";

/// The learned policy in a run directory: that of the best epoch so far (softmax_policy.h).
constexpr const char* kPolicyFile = "policy.safetensors";

/// What a finished run's policy is worth, in its directory: LearningOutcome::summary.
constexpr const char* kSummaryFile = "summary.json";

/// How a call of start_learning() or resume_learning() ended.
struct LearningOutcome {
  bool interrupted = false;     ///< a stop was asked for; a checkpoint holds the state
  bool stopped_early = false;   ///< patience ran out
  std::int64_t epochs = 0;      ///< finished, since the start of the run
  std::int64_t best_epoch = 0;  ///< whose policy is kept
  /// On the rows that judge, null when interrupted: {"estimates": [{"name", "value", "low",
  /// "high"}], "diagnostics": {...}, "verdict"}. The estimates are `learned` and `uniform` by
  /// beta-IPS, `logging` (the mean reward), and the paired differences of the first from the
  /// others. The verdict: better than uniform, nothing learnable here (the difference's interval
  /// contains 0), worse than uniform, or unusable (bandit::judge of the learned policy's weights).
  nlohmann::ordered_json summary;
};

/// Learns a policy from a log into a new run directory: config.yaml, run.json, metrics.jsonl (a
/// line an epoch: train/*, gradient/*, heldout/*), checkpoints, policy.safetensors and, when it is
/// finished, summary.json. The rows to learn from are held in memory. A signal ends it at the last
/// finished epoch, with a checkpoint.
LearningOutcome start_learning(LearnConfig config, const std::filesystem::path& directory,
                               const nlohmann::json& run_json, run::Progress& progress);

/// Goes on from the newest checkpoint, bit for bit. `assignments` may change resumable_options().
/// A log that has changed since is an Error.
LearningOutcome resume_learning(run::RunDirectory directory,
                                const std::vector<std::string>& assignments,
                                run::Progress& progress);

bool is_learning_run(const run::RunDirectory& directory);

}  // namespace loopline::bandit_learning
