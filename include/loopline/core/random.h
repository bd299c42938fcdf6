#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace loopline {

/// Randomness as a function of its coordinates: no generator has state, so micro-batches, threads
/// and resume cannot change a draw. Philox4x32-10 (Salmon et al., SC 2011).
///
/// key = seed. counter = subsequence (64 bits: stream 8 | iteration 24 | slot 20 | k 12) and offset
/// (64 bits: step in the high 32, index of a block of four words in the low 32).

/// Who draws. A stream never shares a number with another one.
enum class Stream : std::uint8_t {
  kRollout = 1,      ///< step 0: the initial latents; step i + 1: the noise of transition i
  kEvaluation = 2,   ///< likewise, for held-out prompts
  kSample = 8,       ///< likewise, for `loopline sample`
  kPromptOrder = 3,  ///< a permutation an epoch
  kMinibatchShuffle = 4,
  kTimestepSubset = 5,
  kPromptDraw = 6,  ///< prompts drawn with replacement
  kBootstrap = 7,
  kBanditWorld =
      9,          ///< iteration: what is drawn; slot and step: the row (src/bandit/world_draws.h)
  kHoldout = 10,  ///< which rows or clusters of a bandit log are held out
  kInitialWeights = 11,  ///< of a policy's hidden layers; slot: the layer
};

/// Coordinates of one independent sequence of random words.
/// `iteration` < 2^24, `slot` < 2^20, `k` < 2^12; a greater value is an Error.
struct Draw {
  std::uint64_t seed = 0;
  Stream stream = Stream::kRollout;
  std::uint32_t iteration = 0;
  std::uint32_t slot = 0;
  std::uint32_t k = 0;
  std::uint32_t step = 0;
};

/// The bare generator: ten rounds of Philox4x32 on `counter` under `key`.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// Four random words of block `block` of the sequence.
std::array<std::uint32_t, 4> philox(const Draw& draw, std::uint32_t block);

/// Fills `out` with standard normal float32 values (Box-Muller over all four words of a block, in
/// fp64). Element i depends on `draw` and i alone.
void fill_normal(const Draw& draw, std::span<float> out);

/// Fills `out` with uniform doubles in [0, 1) with 32 random bits each.
void fill_uniform(const Draw& draw, std::span<double> out);

/// `count` unbiased integers in [0, bound), bound >= 1: multiply and reject (Lemire 2019) over the
/// words in order, so a smaller `count` gives a prefix.
std::vector<std::uint32_t> random_integers(const Draw& draw, std::uint32_t bound,
                                           std::size_t count);

/// A uniformly random permutation of 0..n-1 (Fisher-Yates), n < 2^32.
std::vector<std::int64_t> random_permutation(const Draw& draw, std::int64_t n);

}  // namespace loopline
