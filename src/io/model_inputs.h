#pragma once

#include <vector>

#include "json_fields.h"
#include "loopline/io/model_bundle.h"

namespace loopline::io {

/// The `inputs` of bundle.json.
std::vector<InputSpec> read_inputs(JsonFields& manifest);

}  // namespace loopline::io
