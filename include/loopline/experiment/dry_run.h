#pragma once

#include <nlohmann/json.hpp>

#include "loopline/train/plan.h"

namespace loopline::experiment {

/// What a training run would do, take and need, without writing anything. Loads the networks,
/// trains on one micro-batch at two denoising steps (twice, the second time is timed) and
/// multiplies: {"model", "device", "precision", "threads", "parameters": {"total", "trainable"},
/// "iteration": {"images", "groups", "group_size", "steps", "forwards", "pairs", "updates",
/// "backwards"}, "seconds": {"sampling", "judging", "update", "iteration", "run"}, "bytes":
/// {"micro_batch" (measured peak of this process or device, the text encoder not in it while it
/// samples and trains), "trajectories", "texts" (encoded ahead, in the host's memory), "total" (of
/// the device)}}.
/// "sampling" and "judging" overlap. Weights in memory are changed by the measurement.
nlohmann::ordered_json dry_run(const train::TrainPlan& plan);

}  // namespace loopline::experiment
