#pragma once

#include <nlohmann/json.hpp>

namespace loopline::cli {

/// What experiment::dry_run found, as text or JSON on standard output.
void print_dry_run(const nlohmann::ordered_json& result, bool as_json);

}  // namespace loopline::cli
