#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "loopline/policy/advantage.h"
#include "loopline/train/learner.h"
#include "loopline/train/rollout.h"

namespace loopline::train {

/// The parts of a line of metrics.jsonl.
void log_rewards(nlohmann::ordered_json& metrics, const Verdict& verdict);
void log_advantages(nlohmann::ordered_json& metrics, const policy::Advantages& advantages);
/// Statistics of the images and their diversity within groups.
void log_images(nlohmann::ordered_json& metrics, const at::Tensor& images, std::int64_t group_size);

/// `distance` as reference_log_ratio() has it; undefined: nothing was measured.
void log_distance(nlohmann::ordered_json& metrics, const at::Tensor& distance,
                  const Rollout& rollout, const TrainConfig::Kl& options);

void log_gradient_signal(nlohmann::ordered_json& metrics, const std::vector<StepSignal>& signals);

void log_update(nlohmann::ordered_json& metrics, const UpdateStatistics& update);

/// The lines of samples.jsonl, one a training image: where its noise was drawn, its prompt, what it
/// was worth. Values that do not exist (an invalid sample's reward) are null.
std::vector<nlohmann::ordered_json> sample_lines(const Rollout& rollout, std::int64_t iteration);

}  // namespace loopline::train
