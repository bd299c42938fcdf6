#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace loopline::experiment {

/// What a path holds: a model bundle (validated and probed), a reward bundle, a run, a checkpoint,
/// a safetensors file or a TorchScript file (.ts, .pt). {"kind", ...}; parameters and tensors as
/// {"name", "dtype", "shape"}; "device_constants" are the devices that a network's code names,
/// "operators" says how many operators it uses and whether all are listed.
nlohmann::ordered_json inspect(const std::filesystem::path& path);

}  // namespace loopline::experiment
