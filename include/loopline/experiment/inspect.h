#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>

namespace loopline::experiment {

/// What a path holds: a model bundle (validated and probed), a reward bundle, a run, a checkpoint
/// or a safetensors file. {"kind", ...}; parameters and tensors as {"name", "dtype", "shape"}.
nlohmann::ordered_json inspect(const std::filesystem::path& path);

}  // namespace loopline::experiment
