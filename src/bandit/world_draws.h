#pragma once

#include <array>
#include <cstdint>

#include "loopline/bandit/world.h"
#include "loopline/core/random.h"

namespace loopline::bandit {

/// What a world draws, by iteration of its stream.
enum class WorldDraw : std::uint32_t {
  kColumns = 0,       ///< which monomials of the context count
  kCoefficients = 1,  ///< slot 0: of the context; 1: of the constant; 2 + a: of action a
  kSplit = 2,         ///< which labelled rows are whose
  kContext = 16,      ///< of a part: + its number
  kDecision = 32,
};

inline Draw world_draw(std::uint64_t seed, WorldDraw what) {
  return {
      .seed = seed, .stream = Stream::kBanditWorld, .iteration = static_cast<std::uint32_t>(what)};
}

/// Of one row of a part.
inline Draw row_draw(const WorldKey& key, WorldDraw what, std::int64_t row) {
  Draw draw = world_draw(key.seed, what);
  draw.iteration += static_cast<std::uint32_t>(key.part);
  draw.slot = static_cast<std::uint32_t>(row & 0xFFFFF);
  draw.step = static_cast<std::uint32_t>(row >> 20);
  return draw;
}

/// Two uniform numbers inside (0, 1), 52 bits each.
inline std::array<double, 2> uniform_pair_of(const Draw& draw) {
  const auto words = philox(draw, 0);
  const auto open = [](std::uint64_t high, std::uint64_t low) {
    return (static_cast<double>((high << 32 | low) >> 12) + 0.5) * 0x1p-52;
  };
  return {open(words[0], words[1]), open(words[2], words[3])};
}

}  // namespace loopline::bandit
