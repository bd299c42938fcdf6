#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "loopline/io/prompt.h"

namespace loopline::tensor {

/// "float32", "int64", ... as manifests write them. Another name is an Error.
at::ScalarType parse_scalar_type(const std::string& name);

/// A JSON number (fills the shape) or nested list (has the shape) as a CPU tensor. Anything else is
/// an Error at `where`.
at::Tensor tensor_from_json(const nlohmann::json& value, const std::vector<std::int64_t>& shape,
                            at::ScalarType type, const std::string& where);

/// Metadata `key` of every prompt, stacked: [prompts, shape...] on the CPU. A prompt without it is
/// an Error that names the prompt and who needs it ("reward \"x\"").
at::Tensor tensor_from_metadata(const std::vector<io::Prompt>& prompts, const std::string& key,
                                const std::vector<std::int64_t>& shape, at::ScalarType type,
                                const std::string& who);

}  // namespace loopline::tensor
