#include "loopline/core/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "loopline/core/error.h"

namespace loopline {

namespace {

using Words = std::array<std::uint32_t, 4>;

constexpr double kTwoToMinus32 = 1.0 / 4294967296.0;
constexpr std::uint64_t kBlocks = std::uint64_t{1} << 32;

void check_coordinate(const char* name, std::uint32_t value, int bits) {
  if (value >> bits != 0) {
    throw Error("random numbers", std::string(name) + " " + std::to_string(value) +
                                      " does not fit into " + std::to_string(bits) + " bits");
  }
}

std::uint64_t subsequence(const Draw& draw) {
  check_coordinate("iteration", draw.iteration, 24);
  check_coordinate("slot", draw.slot, 20);
  check_coordinate("k", draw.k, 12);
  return static_cast<std::uint64_t>(draw.stream) << 56 |
         static_cast<std::uint64_t>(draw.iteration) << 32 |
         static_cast<std::uint64_t>(draw.slot) << 12 | draw.k;
}

/// Words of one draw by block number; the coordinates are packed once.
class Blocks {
 public:
  explicit Blocks(const Draw& draw)
      : key_{static_cast<std::uint32_t>(draw.seed), static_cast<std::uint32_t>(draw.seed >> 32)},
        subsequence_(subsequence(draw)),
        step_(draw.step) {}

  Words operator()(std::uint64_t block) const {
    LOOPLINE_CHECK(block < kBlocks, "a draw has at most 2^34 elements");
    return philox4x32(
        {static_cast<std::uint32_t>(block), step_, static_cast<std::uint32_t>(subsequence_),
         static_cast<std::uint32_t>(subsequence_ >> 32)},
        key_);
  }

 private:
  std::array<std::uint32_t, 2> key_;
  std::uint64_t subsequence_;
  std::uint32_t step_;
};

/// The words of one draw in order, and integers made of them.
class WordSequence {
 public:
  explicit WordSequence(const Draw& draw) : blocks_(draw) {}

  /// Lemire 2019: the high half of word x bound, rejecting the few low halves that would make some
  /// results more frequent than others.
  std::uint32_t below(std::uint32_t bound) {
    LOOPLINE_CHECK(bound >= 1, "there is no integer below zero");
    const std::uint32_t threshold = (0u - bound) % bound;  // 2^32 mod bound
    for (;;) {
      const std::uint64_t product = static_cast<std::uint64_t>(next()) * bound;
      if (static_cast<std::uint32_t>(product) >= threshold) {
        return static_cast<std::uint32_t>(product >> 32);
      }
    }
  }

 private:
  std::uint32_t next() {
    const std::size_t lane = used_ % 4;
    if (lane == 0) {
      words_ = blocks_(used_ / 4);
    }
    ++used_;
    return words_[lane];
  }

  Blocks blocks_;
  Words words_{};
  std::uint64_t used_ = 0;
};

/// Two standard normal values from two words (Box and Muller 1958). The half keeps the logarithm's
/// argument away from 0.
std::pair<double, double> normal_pair(std::uint32_t first, std::uint32_t second) {
  const double radius = std::sqrt(-2.0 * std::log((first + 0.5) * kTwoToMinus32));
  const double angle = 2.0 * std::numbers::pi * (second * kTwoToMinus32);
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

/// Calls `convert(words)` for each block that `out` needs and copies its four values.
template <class Value, class Convert>
void fill_by_blocks(const Draw& draw, std::span<Value> out, Convert convert) {
  const Blocks blocks(draw);
  for (std::size_t begin = 0; begin < out.size(); begin += 4) {
    const std::array<Value, 4> values = convert(blocks(begin / 4));
    std::copy_n(values.begin(), std::min<std::size_t>(4, out.size() - begin),
                out.begin() + static_cast<std::ptrdiff_t>(begin));
  }
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

std::array<std::uint32_t, 4> philox(const Draw& draw, std::uint32_t block) {
  return Blocks(draw)(block);
}

void fill_normal(const Draw& draw, std::span<float> out) {
  fill_by_blocks(draw, out, [](const Words& words) {
    const auto [a, b] = normal_pair(words[0], words[1]);
    const auto [c, d] = normal_pair(words[2], words[3]);
    return std::array<float, 4>{static_cast<float>(a), static_cast<float>(b), static_cast<float>(c),
                                static_cast<float>(d)};
  });
}

void fill_uniform(const Draw& draw, std::span<double> out) {
  fill_by_blocks(draw, out, [](const Words& words) {
    return std::array<double, 4>{words[0] * kTwoToMinus32, words[1] * kTwoToMinus32,
                                 words[2] * kTwoToMinus32, words[3] * kTwoToMinus32};
  });
}

std::vector<std::uint32_t> random_integers(const Draw& draw, std::uint32_t bound,
                                           std::size_t count) {
  WordSequence sequence(draw);
  std::vector<std::uint32_t> values(count);
  for (std::uint32_t& value : values) {
    value = sequence.below(bound);
  }
  return values;
}

std::vector<std::int64_t> random_permutation(const Draw& draw, std::int64_t n) {
  LOOPLINE_CHECK(n >= 0 && n < static_cast<std::int64_t>(kBlocks), "permutation of 0..2^32-1");
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  WordSequence sequence(draw);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[sequence.below(static_cast<std::uint32_t>(i))]);
  }
  return order;
}

}  // namespace loopline
