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
void log_update(nlohmann::ordered_json& metrics, const UpdateStatistics& update);

/// The lines of samples.jsonl, one a training image: where its noise was drawn, its prompt, what it
/// was worth. Values that do not exist (an invalid sample's reward) are null.
std::vector<nlohmann::ordered_json> sample_lines(const Rollout& rollout, std::int64_t iteration);

}  // namespace loopline::train
