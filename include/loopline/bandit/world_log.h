#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "loopline/bandit/world.h"

namespace loopline::bandit {

/// Rows of a world that are in memory at once, with all their actions.
constexpr std::size_t kWorldRows = 1024;

using UseRows = std::function<void(const WorldRows& rows)>;

/// Calls `use` for a world's rows 0 .. count - 1, kWorldRows at a time. A signal ends it with
/// stopped().
void visit_rows(const World& world, std::int64_t count, const UseRows& use);

/// What the logging policy does in the world's first rows, and what comes of it. `use`, if there is
/// one, hears of the rows beside what was decided in them.
std::vector<LogBlock> draw_log(
    const World& world, std::int64_t rows,
    const std::function<void(const WorldRows& rows, const LogBlock& log)>& use = {});

}  // namespace loopline::bandit
