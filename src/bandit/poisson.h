#pragma once

#include <array>
#include <cstdint>

#include "loopline/core/random.h"

namespace loopline::bandit {

/// The draws of one unit of a log, for every replicate of a bootstrap.
Draw unit_draw(std::uint64_t seed, std::int64_t unit);

/// Poisson(1) counts of the replicates 4 group .. 4 group + 3.
std::array<double, 4> poisson_counts(const Draw& draw, std::uint32_t group);

/// A Poisson(mean) count of one replicate, below 2^20: inversion below a mean of 10, transformed
/// rejection (PTRS, Hormann 1993) from there.
double poisson_count(const Draw& draw, std::uint32_t replicate, double mean);

}  // namespace loopline::bandit
