#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loopline/io/model_bundle.h"
#include "loopline/io/prompt.h"
#include "loopline/reward/reward_sum.h"
#include "loopline/train/config.h"

namespace loopline::train {

/// A resolved config and what it names: manifests and prompts, each read and hashed once. Networks
/// are not loaded yet.
struct TrainPlan {
  TrainConfig config;  ///< no blanks but those that mean something (no clamp, no target)
  io::ModelBundle bundle;
  std::vector<io::Prompt> prompts;  ///< what training draws from
  reward::RewardPlan reward;
};

/// Reads a config, fills its blanks from the algorithm's preset and the bundle, and checks all that
/// can be checked without running a network. Contradictions are Errors with the reason: LOOP with
/// one trajectory a prompt, training with eta 0, images that are no multiple of the group size,
/// several updates with an on-policy surrogate, inputs that changed since the run started, ...
TrainPlan load_train_plan(const std::filesystem::path& file,
                          const std::vector<std::string>& assignments = {});

/// Makes this process compute as the config says: threads, CUDA's switches. Before any network
/// runs.
void compute_as(const TrainConfig& config);

/// Fills the blanks alone, given what `config.model` and `config.prompts` hold.
void fill_blanks(TrainConfig& config, const io::ModelBundle& bundle,
                 const std::vector<io::Prompt>& prompts);

}  // namespace loopline::train
